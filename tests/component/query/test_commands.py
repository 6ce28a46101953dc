"""Commands on the folders of runs, as text and as JSON."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from gator.core.causes.signature import sign, signature_from
from gator.errors import NotFoundError
from gator.run_folder import LockHolder, RunFolder
from gator.v1 import common_pb2, event_pb2

from . import runs

Gator = Callable[..., Result]


def values(result: Result) -> list[Any]:
    """Each line of JSON that was printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("folder")
def test_status_says_what_came_of_the_run(gator: Gator) -> None:
    text = gator("status").stdout
    assert text.startswith("top  failed after 2.00s: it returned 1\n1 passed, 1 failed, 1 pruned\n")
    (answer,) = values(gator("status", "good", "--json"))
    assert answer["node"]["path"] == "top/good"
    assert answer["node"]["outcome"] == "passed"
    assert answer["run"]["state"] == "ended"


def test_status_of_a_live_run_says_what_waits_for_what(tracking: Path, gator: Gator) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.group("top", 0, 3, 3), runs.job("top/good", 0.1))
    builder.write_elsewhere(runs.started("top/good", 1))
    text = gator("status").stdout
    builder.end()
    assert "1 running, 2 waiting, 0 passed" in text
    assert "running longest:\n  top/good" in text
    assert "top/last  1 job  for top/good to pass (1 job left), for top/bad to pass (1 job left)" in text
    assert "top/bad   1 job  for 1 core, 0 free" in text


def test_a_run_whose_store_is_not_made_yet_is_no_fault_of_gator(tracking: Path, gator: Gator) -> None:
    folder = RunFolder.create(tracking, "top", "20261122-120000")
    folder.lock(LockHolder.this_process("r1"))
    (folder.stores / "root.db").touch()
    error = gator("status", code=1).exception
    folder.unlock()
    assert isinstance(error, NotFoundError)
    assert "has just started" in str(error)


@pytest.mark.usefixtures("folder")
def test_tree_shows_each_node_with_its_outcome(gator: Gator) -> None:
    assert gator("tree").stdout.splitlines() == [
        "top  failed  2.00s  (1 passed, 1 failed, 1 pruned)",
        "  good  passed  2.00s",
        "  bad  failed  2.00s  it returned 1",
        "  last  pruned  it waits for bad to pass, which failed",
    ]
    assert [node["path"] for node in values(gator("tree", "--outcome", "passed", "--json"))] == ["top/good"]
    assert len(gator("tree", "--depth", "0").stdout.splitlines()) == 1


def test_failures_say_what_to_do_next(folder: Path, gator: Gator) -> None:
    text = gator("failures").stdout
    assert "failed top/bad: it returned 1" in text
    assert "err:2 error: boom: it broke" in text
    assert f"gator logs top/bad -r {folder}" in text
    assert f"gator run --only /top/bad --repeat {runs.RUN_ID} --seed 7 nightly.yaml" in text
    (failure,) = values(gator("failures", "top", "--json"))
    assert failure["first_error"]["text"] == "boom: it broke"
    assert failure["reproduce"] == f"gator run --only /top/bad --repeat {runs.RUN_ID} --seed 7 nightly.yaml"
    assert gator("failures", "good").stdout == "nothing failed\n"
    for command in (("failures", "god"), ("grep", "x", "god"), ("failures", "good", "god")):
        assert "there is no node 'god' in top" in str(gator(*command, code=1).exception)


@pytest.fixture
def many_failures(tracking: Path) -> None:
    """Twelve repeats fail with one error, and one job with another."""
    builder = runs.RunBuilder(tracking)
    paths = [f"top/x[{number}]" for number in range(12)] + ["top/bad"]
    builder.write(runs.group("top", 0, 13, 13), *(runs.job(path, 0.1) for path in paths))
    for number, path in enumerate(paths):
        what = "out of licenses" if path == "top/bad" else f"mismatch at 0x{number:x}"
        error = event_pb2.ErrorMessage(severity=common_pb2.SEVERITY_ERROR, text=what, stream=runs.ERR, line=2)
        ended = runs.result(path, 1, common_pb2.OUTCOME_FAILED, first_error=error)
        sign(ended.result)
        builder.write(ended)
    builder.end()


def signature_of(message: str) -> str:
    inputs = event_pb2.FailureInputs(reason=common_pb2.REASON_EXIT, message=message, stream=runs.ERR, line=2)
    return signature_from(inputs)


@pytest.mark.usefixtures("many_failures")
def test_many_failures_are_put_together_by_their_cause(tracking: Path, gator: Gator) -> None:
    folder = tracking / "20261122-125830-top"
    signature = signature_of("mismatch at 0x0")
    lines = gator("failures").stdout.splitlines()
    assert lines[:5] == [
        "13 failures, 2 causes",
        "",
        "12 of 13: exit",
        "failed top/x[0]: it returned 1",
        "  err:2 error: mismatch at 0x0",
    ]
    assert lines[5:8] == [
        f"  output: gator logs 'top/x[0]' -r {folder}",
        f"  again:  gator run --only '/top/x[0]' --repeat {runs.RUN_ID} --seed 7 nightly.yaml",
        f"  others: gator failures --cause {signature} -r {folder}",
    ]
    assert lines[8:11] == ["", "1 of 13: exit", "failed top/bad: it returned 1"]
    assert "others:" not in "".join(lines[8:])
    assert "top/x --cause" in gator("failures", "top/x").stdout


@pytest.fixture
def many_jobs(tracking: Path) -> None:
    """A run of 150 jobs, each with one line of output."""
    builder = runs.RunBuilder(tracking)
    paths = [f"top/x[{number}]" for number in range(150)]
    builder.write(runs.group("top", 0, 150, 150), *(runs.job(path, 0.1) for path in paths))
    outputs = (
        (runs.started(path, 0.5), runs.block(path, 0.6, b"hit\n"), runs.finished(path, 0.7, out=1))
        for path in paths
    )
    builder.write_elsewhere(*(event for output in outputs for event in output))
    builder.write(*(runs.result(path, 1) for path in paths))
    builder.end()


MORE = "... and 50 more"


@pytest.mark.usefixtures("many_jobs")
def test_lists_are_bounded_and_name_the_option_that_shows_all(gator: Gator) -> None:
    tree = gator("tree").stdout.splitlines()
    assert tree[-1] == "... and 51 more nodes: -n 0 shows all, -d 1 one level"
    assert len(tree) == 100 + 1
    assert gator("resources").stdout.splitlines()[-1] == f"{MORE} jobs: -n 0 shows all"
    assert gator("tree", "-n", "150").stdout.splitlines()[-1].startswith("... and 1 more node: ")
    for command, rows in (("tree", 151), ("resources", 151)):
        whole = gator(command, "-n", "0").stdout.splitlines()
        assert len(whole) == rows
        assert "more" not in whole[-1]
        assert len(gator(command, "--json").stdout.splitlines()) >= 150
        assert len(values(gator(command, "--json", "-n", "3"))) == 3
    assert len(gator("tree", "-o", "passed", "-n", "3").stdout.splitlines()) == 4


@pytest.mark.usefixtures("many_jobs")
def test_a_search_tells_on_stderr_what_it_left_out(gator: Gator) -> None:
    for options, more in (
        ([], "... and more matching lines: -n 0 shows all"),
        (["-C", "1"], "... and more matching lines: -n 0 shows all"),
        (["-l"], "... and more jobs: -n 0 shows all"),
        (["-c"], f"{MORE} jobs: -n 0 shows all"),
    ):
        found = gator("grep", "hit", *options)
        assert len([line for line in found.stdout.splitlines() if line != "--"]) == 100
        assert found.stderr == f"{more}\n"
        whole = gator("grep", "hit", *options, "-n", "0")
        assert len([line for line in whole.stdout.splitlines() if line != "--"]) == 150
        assert not whole.stderr
    assert len(values(gator("grep", "hit", "--json"))) == 150
    assert not gator("grep", "hit", "-n", "150").stderr


def test_of_very_many_causes_the_first_are_shown_and_the_others_counted(tracking: Path, gator: Gator) -> None:
    builder = runs.RunBuilder(tracking)
    words = [f"{first}{second} broke" for first in "abcdef" for second in "uvwxyz"][:30]
    paths = [f"top/x[{number}]" for number in range(31)]
    builder.write(runs.group("top", 0, 31, 31), *(runs.job(path, 0.1) for path in paths))
    for path, what in zip(paths, [*words, words[-1]], strict=True):
        error = event_pb2.ErrorMessage(severity=common_pb2.SEVERITY_ERROR, text=what, stream=runs.ERR, line=2)
        ended = runs.result(path, 1, common_pb2.OUTCOME_FAILED, first_error=error)
        sign(ended.result)
        builder.write(ended)
    builder.end()
    lines = gator("failures").stdout.splitlines()
    assert lines[0] == "31 failures, 30 causes"
    assert lines[-1] == "... and 10 more causes (10 failures): -n 0 shows all"
    assert "\n".join(lines).count("again:") == 20
    assert gator("failures", "-n", "0").stdout.count("again:") == 30
    assert gator("failures", "-n", "3").stdout.count("again:") == 3
    assert len(values(gator("failures", "--json"))) == 31


@pytest.mark.usefixtures("many_failures")
def test_of_a_repeat_that_is_not_there_those_that_are_there_are_told(gator: Gator) -> None:
    for command in ("show", "failures"):
        said = str(gator(command, "x[40]", code=1).exception)
        assert said == "there is no node 'x[40]' in top: its repeats are top/x[0] to top/x[11]"


@pytest.mark.usefixtures("many_failures")
def test_each_of_many_failures_is_told_when_asked_for(gator: Gator) -> None:
    signature = signature_of("out of licenses")
    assert gator("failures", "--all").stdout.count("again:") == 13
    assert gator("failures", "--cause", signature[:6]).stdout.startswith("failed top/bad: it returned 1\n")
    assert gator("failures", "--cause", "none").stdout == "nothing failed of that cause\n"
    found = values(gator("failures", "--json"))
    assert [failure["path"] for failure in found if failure["signature"] == signature] == ["top/bad"]
    assert len({failure["signature"] for failure in found}) == 2
    assert len(values(gator("failures", "--json", "--cause", signature.upper()))) == 1


@pytest.mark.usefixtures("folder")
def test_logs_are_byte_for_byte_what_was_written(gator: Gator) -> None:
    assert gator("logs", "good").stdout_bytes == b"hello\nworld\n\xff\x00bytes\n"
    assert gator("logs", "bad", "--stream", "stderr").stdout_bytes == b"hm\nboom: it broke\n\n"
    both = b"hello\nworld\n\xff\x00bytes\none\ntwo\nhm\nboom: it broke\n\nthree\n"
    assert gator("logs", "top", "--raw").stdout_bytes == both


def test_logs_of_a_single_job_need_no_path(tracking: Path, gator: Gator) -> None:
    builder = runs.RunBuilder(tracking)
    builder.write(runs.job("top", 0.1))
    builder.write_elsewhere(runs.started("top", 1), runs.block("top", 1.5, b"hello\n"))
    builder.end()
    assert gator("logs").stdout == "hello\n"
    assert gator("logs", "--grep", "ell", "-r", "latest").stdout == "hello\n"


@pytest.mark.usefixtures("folder")
def test_logs_of_a_tree_without_a_path_say_what_may_be_meant(tracking: Path, gator: Gator) -> None:
    def said() -> str:
        return str(gator("logs", code=1).exception)

    assert said() == "PATH is missing: give one that failed (top/bad), a group, or top for all"
    builder = runs.RunBuilder(tracking, "20261123-000000")
    builder.write(runs.group("top", 0, 7, 7), *(runs.job(f"top/{name}", 1) for name in "abcdefg"))
    five = "top/a, top/b, top/c, top/d, top/e"
    assert said() == f"PATH is missing: give one of its jobs ({five}, …), a group, or top for all"
    builder.end()


@pytest.mark.usefixtures("folder")
def test_logs_are_filtered_line_by_line(gator: Gator) -> None:
    assert gator("logs", "bad", "--severity", "error").stdout == "hm\nboom: it broke\n"
    assert gator("logs", "bad", "--grep", "^t").stdout == "two\nthree\n"
    assert gator("logs", "bad", "--first-error").stdout == "boom: it broke\n"
    assert gator("logs", "top", "--first-error", "-C", "1").stdout.count("\n") == 3
    assert gator("logs", "good", "--tail", "1").stdout == "\\xff\\x00bytes\n"
    assert gator("logs", "good", "--tail", "1", "--raw").stdout_bytes == b"\xff\x00bytes\n"
    assert "warning  tool: " in gator("logs", "good", "--long").stdout
    assert "err:1- hm" in gator("logs", "bad", "--long", "--grep", "boom", "-C", "1").stdout
    assert values(gator("logs", "bad", "--grep", "boom", "--json"))[0]["number"] == 2


@pytest.mark.usefixtures("folder")
def test_logs_of_what_passed_has_no_first_error(gator: Gator) -> None:
    assert "top/good has no first error" in str(gator("logs", "good", "--first-error", code=1).exception)


@pytest.mark.usefixtures("folder")
def test_following_an_ended_job_ends(gator: Gator) -> None:
    assert gator("logs", "-f", "good").stdout_bytes == b"hello\nworld\n\xff\x00bytes\n"
    assert gator("logs", "-f", "--grep", "o", "good").stdout == "hello\nworld\n"


@pytest.mark.usefixtures("folder")
def test_grep_finds_lines_of_all_jobs(gator: Gator) -> None:
    assert gator("grep", "^(hello|two|boom)").stdout.splitlines() == [
        "top/good out:1: hello",
        "top/bad out:2: two",
        "top/bad err:2: boom: it broke",
    ]
    assert gator("grep", "-c", "o", "bad").stdout == "top/bad: 3\n"
    assert gator("grep", "-l", "-i", "HELLO").stdout == "top/good\n"
    gator("grep", "nowhere", code=1)
    assert [line["text"] for line in values(gator("grep", "hello", "--json"))] == ["hello"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("args", [["logs", "good", "--grep", "(a"], ["grep", "(a"], ["grep", "-i", "(a"]])
def test_a_wrong_expression_is_quoted_as_it_was_typed(args: list[str], gator: Gator) -> None:
    said = str(gator(*args, code=1).exception)
    assert said == "the regular expression '(a' is refused: a ( is not closed (character 1)"


@pytest.mark.usefixtures("folder")
def test_metrics_and_resources_are_shown(gator: Gator) -> None:
    assert "top/good  cycles  1200.5  cycles" in gator("metrics").stdout
    assert values(gator("metrics", "good", "--json"))[0]["metrics"][0]["kind"] == "max"
    assert gator("metrics", "--name", "cylces").stdout == "no metrics named cylces; did you mean 'cycles'?\n"
    assert gator("metrics", "--name", "speed").stdout == "no metrics named speed; there are cycles\n"
    assert "3.146 MB" in gator("resources", "good").stdout
    (job,) = values(gator("resources", "good", "--json"))
    assert len(job["samples"]) == 2


@pytest.mark.usefixtures("folder")
def test_show_tells_everything_but_secrets(gator: Gator) -> None:
    result = gator("show", "bad")
    for part in ("echo 'a b'", "MODE=fast", "API_TOKEN=***", "exit code       1", "here, process 4711"):
        assert part in result.stdout
    assert "first failure" not in result.stdout
    assert "messages        0 warnings, " in result.stdout
    assert result.stdout.count("it returned 1") == 1
    assert "  outcome         failed\n" in result.stdout
    assert "hidden-value" not in result.stdout + gator("show", "bad", "--json").stdout
    (answer,) = values(gator("show", "bad", "--json"))
    assert answer["attempts"][0]["finished"]["exit_code"] == 1


def test_runs_are_listed_the_newest_first(tracking: Path, gator: Gator) -> None:
    runs.ended_run(tracking, stamp="20261122-125830")
    runs.ended_run(tracking, stamp="20261122-125830")
    runs.ended_run(tracking, stamp="20261121-000000")
    folders = [run["folder"].rpartition("/")[2] for run in values(gator("runs", "--json"))]
    assert folders == ["20261122-125830-top.2", "20261122-125830-top", "20261121-000000-top"]
    assert len(gator("runs", "-n", "1").stdout.splitlines()) == 2


def test_a_run_that_cannot_be_read_is_listed_too(tracking: Path, folder: Path, gator: Gator) -> None:
    broken = tracking / "20270101-000000-broken"
    broken.mkdir()
    shutil.copy(folder / "run.lock", broken)
    assert "unreadable" in gator("runs").stdout
    assert "holds no record" in values(gator("runs", "--json"))[0]["fault"]


def test_a_run_is_chosen_by_number_id_ident_name_and_folder(tracking: Path, gator: Gator) -> None:
    old = runs.ended_run(tracking, stamp="20261121-000000", run="aaaa" * 8)
    new = runs.ended_run(tracking, stamp="20261122-000000", run="bbbb" * 8)
    for wanted, folder in (
        ("latest", new),
        ("-1", new),
        ("-2", old),
        ("aaaaa", old),
        ("top", new),
        (old.name, old),
        (str(old), old),
    ):
        (answer,) = values(gator("status", "-r", wanted, "--json"))
        assert answer["run"]["folder"] == str(folder), wanted
    assert "there are only 2 runs in" in str(gator("status", "-r", "-3", code=1).exception)
    assert "there is no run 'zzz'" in str(gator("status", "-r", "zzz", code=1).exception)


def test_clean_removes_old_runs_and_never_live_ones(tracking: Path, gator: Gator) -> None:
    old = runs.ended_run(tracking, stamp="20260101-000000")
    live = runs.simple_run(tracking, stamp="20260102-000000")
    new = runs.ended_run(tracking, stamp="20261122-000000")
    assert f"would remove {old}" in gator("clean", "--keep", "1", "--dry-run").stdout
    assert old.exists()
    text = gator("clean", "--keep", "1").stdout
    assert f"kept {live.folder.path}: it is live" in text
    assert (old.exists(), live.folder.path.exists(), new.exists()) == (False, True, True)
    live.end()
    gator("clean", "--older", "99999d")
    assert live.folder.path.exists()
    gator("clean", "--older", "1s", "--keep", "1")
    assert not live.folder.path.exists()
    assert "no runs are chosen" in str(gator("clean", code=1).exception)


def test_a_run_further_back_than_the_only_one_is_none(folder: Path, gator: Gator) -> None:
    said = str(gator("status", "-r", "-2", code=1).exception)
    assert said == f"there is only 1 run in {folder.parent}"


def test_stopping_an_ended_run_is_a_mistake(folder: Path, gator: Gator) -> None:
    assert f"nothing to stop: the run in {folder} has ended" in str(gator("stop", code=1).exception)


@pytest.mark.usefixtures("folder")
def test_an_unknown_or_unclear_path_is_explained(gator: Gator) -> None:
    assert "there is no node 'nothing'" in str(gator("show", "nothing", code=1).exception)
    assert "--outcome bad: give one of passed, failed" in str(
        gator("tree", "--outcome", "bad", code=1).exception
    )


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


# -- as processes


def run(
    args: Sequence[str], tracking: Path, more: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "GATOR_TRACKING": str(tracking), **(more or {})}
    return subprocess.run(
        [sys.executable, "-m", "gator", *args],
        env=environment,
        cwd=Path(__file__).parents[3],
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
        cwd=Path(__file__).parents[3],
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
            cwd=Path(__file__).parents[3],
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
