"""Commands as processes of their own: exit codes, closed streams, and the modules that they import."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


def run(
    args: Sequence[str], tracking: Path, more: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "GATOR_TRACKING": str(tracking), **(more or {})}
    return subprocess.run(
        [sys.executable, "-m", "gator", *args],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_mistake_of_the_user_is_one_line_and_exit_code_2(tracking: Path) -> None:
    done = run(["status"], tracking)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"gator: there is no run in {tracking}: use --tracking to choose another folder\n"


def test_a_fault_is_one_line_with_the_traceback_in_a_file_and_exit_code_3(folder: Path) -> None:
    (folder / "stores" / "root.db").write_bytes(b"rubbish" * 1000)
    done = run(["status"], folder.parent)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" in (folder / "gator.log").read_text()


def test_a_closed_stdout_ends_quietly(folder: Path) -> None:
    line = f"{sys.executable} -m gator logs good | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "GATOR_TRACKING": str(folder.parent)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_command_imports_only_what_it_needs(folder: Path) -> None:
    for args, banned in (
        (["--version"], ["grpc", "peewee", "psutil", "rich", "yaml", "google.protobuf", "pydantic"]),
        (["--help"], ["grpc", "peewee", "psutil", "yaml", "google.protobuf"]),
        (["status"], ["grpc", "peewee", "psutil", "rich", "yaml", "pydantic"]),
        (["logs", "good"], ["grpc", "peewee", "psutil", "rich", "yaml", "pydantic"]),
    ):
        code = (
            "import sys, gator.cli.main as m\n"
            f"try: m.main({args!r})\n"
            f"except SystemExit: print([n for n in {banned!r} if n in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "GATOR_TRACKING": str(folder.parent)},
            cwd=ROOT,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.stderr.decode() == "[]\n", args


@pytest.mark.parametrize(
    ("modules", "banned"),
    [
        (
            "gator.cli.launch.execute, gator.daemon.__main__, gator.upload.__main__, gator.upload.stream",
            ["peewee", "psutil"],
        ),
        ("gator_hub.server.process", ["psutil"]),
    ],
)
def test_runs_daemons_uploads_and_hubs_start_without_slow_modules(modules: str, banned: list[str]) -> None:
    code = f"import sys, {modules}; print([name for name in {banned!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stdout == b"[]\n"


@pytest.mark.usefixtures("folder")
def test_a_shell_completes_commands_runs_and_paths(tracking: Path) -> None:
    def completions(line: str) -> str:
        environment = {
            "_GATOR_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
            "GATOR_HUB": "localhost:1",
        }
        return run([], tracking, environment).stdout

    assert "status" in completions("gator sta")
    assert "20261122-125830-top" in completions("gator logs -r 2026")
    assert "top/good" in completions("gator show top/g")
    # No hub is there to be asked, but any has a newest run.
    assert completions("gator logs -r h").split() == ["hub:", "hub:latest"]
    assert completions("gator logs -r hub : la").split() == ["latest"]
    assert completions("gator logs --run = hub : la").split() == ["latest"]
    assert completions("gator run --skip @").split() == ["@passed"]
    assert completions("gator run --skip =@ pa").split() == ["@passed"]
    assert completions("gator plan --only ").split() == ["@failed"]
    assert completions("gator run --only @ f").split() == ["@failed"]


def test_a_run_of_one_echo_imports_only_the_listed_modules(tmp_path: Path) -> None:
    # Each module costs the start of every run up to a millisecond. Import one that few runs need where it is
    # used; list one that every run needs, sorted by name.
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gator", "run", "-"],
        input="!Job {ident: one, command: echo}\n",
        env={**os.environ, "GATOR_TRACKING": str(tmp_path), "PYTHONPATH": str(ROOT), "GATOR_CONFIG": "none"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    imported = {name for name in imported if name.partition(".")[0] == "gator"}
    listed = (ROOT / "tests" / "golden" / "modules_of_a_run.txt").read_text().split()
    assert listed == sorted(listed)
    assert (imported - {*listed}, {*listed} - imported) == (set(), set())
