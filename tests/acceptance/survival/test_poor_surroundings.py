"""Users without an entry or a home, folders that cannot be entered, file systems without room."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.acceptance.support import Gator

NO_ONE = 54321
"""A user that has no passwd entry."""
SETPRIV = ("setpriv", f"--reuid={NO_ONE}", f"--regid={NO_ONE}", "--clear-groups")
ONE = "!Job {ident: a, command: echo, args: [hi]}"

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv"
)


def as_no_one(
    gator: Gator, *arguments: object, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command as a user without a passwd entry, with exactly the variables that are given on top."""
    kept = {name: value for name, value in gator.env.items() if name not in ("USER", "LOGNAME", "HOME")}
    command = [*SETPRIV, sys.executable, "-m", "gator", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**kept, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def open_folder(gator: Gator) -> Iterator[Path]:
    """A folder that every user may enter and write to, unlike the folders of pytest."""
    with tempfile.TemporaryDirectory(prefix="gator-open-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "one.yaml").write_text(ONE)
        gator.env["XDG_RUNTIME_DIR"] = ""
        if as_no_one(gator, "--version", cwd=folder).returncode:
            pytest.skip("another user cannot read this Python")
        yield folder


@pytest.mark.parametrize("home", [{}, {"HOME": "/root"}], ids=["none", "of another user"])
def test_a_user_without_entry_and_home_runs_jobs_and_asks_hubs(
    gator: Gator, open_folder: Path, home: dict[str, str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        hub = f"localhost:{free.getsockname()[1]}"
    done = as_no_one(gator, "run", "one.yaml", "--hub", hub, "--hub-wait", "0s", cwd=open_folder, env=home)
    assert done.returncode == 0, done.stdout + done.stderr
    asked = as_no_one(gator, "runs", "-r", "hub:", "--hub", hub, cwd=open_folder, env=home)
    assert asked.returncode == 2
    assert "no hub listens" in asked.stderr


def test_a_hub_of_a_user_without_home_says_what_to_set(gator: Gator, open_folder: Path) -> None:
    done = as_no_one(gator, "hub", "serve", cwd=open_folder)
    assert done.returncode == 2
    assert "this user has no home folder: set XDG_DATA_HOME" in done.stderr


def test_a_current_folder_that_cannot_be_entered_is_named(gator: Gator, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    spec, tracking = open_folder / "one.yaml", open_folder / "run"
    done = as_no_one(gator, "run", spec, "--tracking", tracking, cwd=closed)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"the working directory may not be entered, mend its permissions: {closed}" in done.stdout
    status = as_no_one(gator, "status", "-r", tracking, cwd=closed)
    assert status.returncode == 0, status.stderr
    refused = as_no_one(gator, "run", spec, cwd=closed)
    assert refused.returncode == 2
    assert "permission denied: name another one with --tracking" in refused.stderr


@pytest.mark.parametrize("root", ["/proc", "/nowhere/at/all"])
def test_unusable_folders_for_sockets_are_passed_over(gator: Gator, root: str) -> None:
    environment = {"XDG_RUNTIME_DIR": root, "TMPDIR": root}
    gator("run", gator.spec(ONE), "--placement", "daemons", env=environment).expect(0)


def in_mount_namespace(script: str, arguments: Sequence[object], env: dict[str, str]) -> str:
    command = ["unshare", "-m", "sh", "-c", script, "sh", *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    if "unshare failed" in done.stderr or "mount:" in done.stderr:
        pytest.skip("cannot mount here")
    return done.stdout + done.stderr


def test_a_file_system_without_inodes_is_named(gator: Gator) -> None:
    room = gator.root / "room"
    room.mkdir()
    script = 'mount -t tmpfs -o nr_inodes=8,size=10m none "$1"; shift; exec "$@"'
    run = [sys.executable, "-m", "gator", "run", gator.root / gator.spec(ONE), "--tracking", room / "run"]
    said = in_mount_namespace(script, [room, *run], gator.env)
    assert "no room for the store" in said
    assert "Errno" not in said


@pytest.mark.parametrize("inodes", [3, 6, 10, 11, 12])
def test_a_run_that_gets_too_few_inodes_ends_in_sentences(gator: Gator, inodes: int) -> None:
    room = gator.root / "room"
    room.mkdir()
    script = f'mount -t tmpfs -o nr_inodes={inodes},size=10m none "$1"; shift; exec "$@"'
    # It lasts longer than the delay after which a single job's run publishes its address.
    spec = gator.spec('!JobGroup {ident: g, jobs: [!Job {ident: a, shell: "echo x; sleep 2"}]}')
    run = [sys.executable, "-m", "gator", "run", gator.root / spec, "--tracking", room / "run"]
    said = in_mount_namespace(script, [room, *run], gator.env)
    assert "Errno" not in said
    if ", seed " in said:
        assert "1 passed" in said or "the disk is full: free some space or files" in said


@pytest.mark.parametrize("kilobytes", [100_000, 340_000, 430_000])
def test_little_address_space_is_named_or_does(gator: Gator, kilobytes: int) -> None:
    run = [sys.executable, "-m", "gator", "run", gator.spec(ONE), "--placement", "daemons"]
    script = f'ulimit -v {kilobytes}; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *map(str, run)],
        cwd=gator.root,
        env=gator.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (0, 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert "ulimit" in done.stderr


def test_only_regular_files_are_included(gator: Gator) -> None:
    os.mkfifo(gator.root / "fifo.yaml")
    for file in ("/dev/zero", "fifo.yaml"):
        said = gator("check", gator.spec(f"!JobGroup {{jobs: [!Include {file}]}}")).expect(2)
        assert said.out.endswith(f"'{file}' cannot be included: is not a regular file\n")


@pytest.mark.parametrize("source", ["/dev/zero", "fifo.yaml", "sparse.yaml", "-"])
def test_a_spec_without_end_is_refused(gator: Gator, source: str) -> None:
    fifo = gator.root / "fifo.yaml"
    os.mkfifo(fifo)
    with (gator.root / "sparse.yaml").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with subprocess.Popen(
        ["sh", "-c", "yes > fifo.yaml"], cwd=gator.root, stderr=subprocess.DEVNULL
    ) as writer:
        with Path("/dev/zero").open("rb") as zeros:
            done = subprocess.run(
                [sys.executable, "-m", "gator", "run", source],
                cwd=gator.root,
                env=gator.env,
                stdin=zeros,
                capture_output=True,
                text=True,
                timeout=60,
            )
        # Ends the writer where it waits for a reader.
        os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
        writer.kill()
    name = "on stdin" if source == "-" else source
    assert (done.returncode, done.stdout) == (2, "")
    says = "it has more than 64 MiB: use a !JobArray for jobs that differ by an index only"
    assert done.stderr == f"gator: cannot read the spec {name}: {says}\n"


def test_a_spec_may_come_from_a_pipe(gator: Gator) -> None:
    script = "exec python -m gator run <(printf '!Job {ident: a, command: echo}')"
    done = subprocess.run(
        ["bash", "-c", script.replace("python", sys.executable)],
        cwd=gator.root,
        env=gator.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_an_included_file_without_end_is_refused(gator: Gator) -> None:
    with (gator.root / "sparse.yaml").open("wb") as sparse:
        sparse.truncate(1 << 40)
    said = gator("check", gator.spec("!JobGroup {jobs: [!Include sparse.yaml]}")).expect(2)
    assert "'sparse.yaml' cannot be included: it has more than 64 MiB: use a !JobArray" in said.out


def test_a_token_file_without_end_is_refused(gator: Gator) -> None:
    with_device = {**gator.env, "GATOR_HUB_TOKEN_FILE": "/dev/zero"}
    said = subprocess.run(
        [sys.executable, "-m", "gator", "runs", "-r", "hub:", "--hub", "localhost:1"],
        cwd=gator.root,
        env=with_device,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 2
    assert "cannot read /dev/zero, which GATOR_HUB_TOKEN_FILE names: it has more than 4 MiB" in said.stderr
