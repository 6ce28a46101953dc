"""Jobs that other runners start: Python functions, containers, and the runner on the page about them."""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.support import Gator, until

PAGE = Path(__file__).parents[3] / "docs" / "runners.md"
TASKS = """\
import os


def add(x, y=1, names=()):
    print("given", type(x).__name__, list(names))
    return {"sum": x + y, "path": os.environ["GATOR_PATH"]}


def fail(text):
    raise ValueError(text)
"""
CALLS = """\
!JobGroup
ident: top
seed: 5
jobs:
- !Job {ident: add, runner: {python: {call: 'tasks:add', with: {x: 1, y: 2.5, names: [a, "3", 4, true]}}}}
- !Job {ident: seed, seed: 7, runner: {python: {call: 'tasks:add', with: {x: "${{ seed }}"}}}}
- !Job {ident: fail, runner: {python: {call: 'tasks:fail', with: {text: "two\\nlines: 100%"}}}}
- !Job {ident: module, runner: {python: {call: 'nothing.there:f'}}}
- !Job {ident: interpreter, runner: {python: {call: 'tasks:add', interpreter: ./no/python}}}
- !Job {ident: setup, setup: export PYTHONPATH=$PWD, runner: {python: {call: 'tasks:add', with: {x: 3}}}}
"""
MODES = ((), ("unshare", "-m", "sh", "-c", 'umount /sys/fs/cgroup/unified; exec "$@"', "sh"))
"""Prefixes with which podman may work: crun refuses hosts with both versions of control groups."""


def test_functions_are_called_and_their_ends_are_messages(gator: Gator) -> None:
    (gator.root / "tasks.py").write_text(TASKS)
    gator("run", gator.spec(CALLS)).expect(1)
    nodes = {
        row["path"].removeprefix("top/"): row
        for row in map(json.loads, gator("tree", "--json").expect(0).out.splitlines())
    }
    assert {name for name, row in nodes.items() if row["outcome"] == "passed"} == {"add", "seed", "setup"}

    def lines(path: str) -> list[str]:
        return gator("logs", f"top/{path}").expect(0).out.splitlines()

    assert lines("add")[0] == "given int ['a', '3', 4, True]"
    assert lines("add")[1].endswith('::tasks:add returned {"sum": 3.5, "path": "top/add"}')
    assert lines("seed")[1].endswith('::tasks:add returned {"sum": 8, "path": "top/seed"}')
    error = nodes["fail"]["first_error"]
    assert (error["text"], error["code"]) == ("ValueError: two\nlines: 100%", "ValueError")
    assert (error["file"], error["file_line"]) == (str(gator.root / "tasks.py"), 10)
    assert "No module named 'nothing'" in nodes["module"]["first_error"]["text"]
    assert nodes["interpreter"]["reason"] == "not_started"
    assert "tasks:add(x=1, y=2.5" in gator("show", "top/add").expect(0).out


def test_a_runner_that_is_not_installed_is_a_mistake_in_the_spec(gator: Gator) -> None:
    spec = gator.spec("!Job {ident: top, command: x, runner: nosuch}")
    done = gator("run", spec).expect(2)
    assert ":1:39: unknown runner 'nosuch': use container, process, python, shell, or install" in done.err
    (gator.root / "gator.toml").write_text('runner = "contaner"\n')
    done = gator("check", gator.spec("!Job {ident: top, command: x}")).expect(2)
    assert "gator.toml:1:1: unknown runner 'contaner': did you mean 'container'?" in done.err + done.out


def test_the_runner_on_the_page_runs_a_job_through_ssh(gator: Gator, tmp_path: Path) -> None:
    code = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    assert len(code.splitlines()) <= 45
    site, programs = tmp_path / "site", tmp_path / "bin"
    info = site / "gator_ssh-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "gator_ssh.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gator-ssh\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gator.runners]\nssh = gator_ssh:run\nbroken = gator_ssh:no\n")
    programs.mkdir()
    ssh = programs / "ssh"
    ssh.write_text('#!/bin/sh\necho "$3" >> hosts\nexec env -i PATH="$PATH" ON="$3" sh -c "$4"\n')
    ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
    spec = """\
!JobGroup
ident: top
runner: {ssh: {host: build7}}
jobs:
- !Job {ident: a, shell: 'echo "$ON $X $GATOR_PATH"; pwd; exit 3', env: {X: "a b"}}
- !Job {ident: b, command: "true", runner: ssh}
- !Job {ident: c, command: "true", runner: broken}
- !Job {ident: d, command: echo, args: [here], runner: process}
"""
    env = {"PYTHONPATH": f"{site}:{gator.env['PYTHONPATH']}", "PATH": f"{programs}:{os.environ['PATH']}"}
    gator("run", gator.spec(spec), env=env).expect(1)
    assert gator("logs", "top/a").expect(0).out == f"build7 a b top/a\n{gator.root}\n"
    messages = {row["path"]: row for row in map(json.loads, gator("tree", "--json").out.splitlines())}
    assert messages["top/a"]["message"] == "exited with code 3"
    assert "requires a host" in messages["top/b"]["message"]
    assert "cannot be loaded: gator_ssh:no" in messages["top/c"]["message"]
    assert messages["top/d"]["outcome"] == "passed"
    assert not list((gator.folder / "runners").iterdir())


def test_a_tool_that_is_not_installed_is_named(gator: Gator, tmp_path: Path) -> None:
    spec = "!Job {ident: a, command: x, runner: {container: {image: y}}, env: {PATH: /nowhere}}"
    gator("run", gator.spec(spec)).expect(1)
    assert "needs podman or apptainer, and neither is in the PATH" in gator("failures").expect(0).out


def test_apptainer_gets_the_environment_of_the_job_and_its_mounts(gator: Gator, tmp_path: Path) -> None:
    tool = tmp_path / "apptainer"
    tool.write_text('#!/bin/sh\nenv | grep ^APPTAINERENV_X; printf "%s\\n" "$@"\n')
    tool.chmod(0o755)
    spec = f"""\
!Job
ident: a
command: sim
args: [b c]
env: {{X: "1 2"}}
runner: {{container: {{image: tools.sif, mounts: ['/usr:/opt'], tool: {tool}, options: [--nv]}}}}
"""
    gator("run", gator.spec(spec)).expect(0)
    lines = gator("logs").expect(0).out.splitlines()
    assert lines[:5] == ["APPTAINERENV_X=1 2", "exec", "--cleanenv", "--pwd", str(gator.root)]
    assert "/usr:/opt" in lines
    assert lines[-4:] == ["--nv", "tools.sif", "sim", "b c"]


# -- podman


def podman_prefix(rootfs: Path) -> tuple[str, ...]:
    """Returns the prefix with which podman can run a container here; skips the test if it cannot."""
    limits = ("--ulimit", "nofile=256:256", "--ulimit", "nproc=4096:4096")
    command = ("podman", "run", "--rm", "--cgroups=disabled", "--network=host", *limits, "--rootfs")
    for mode in MODES if shutil.which("podman") else ():
        tried = subprocess.run([*mode, *command, str(rootfs), "bash", "-c", "true"], check=False)
        if tried.returncode == 0:
            return mode
    pytest.skip("needs podman")


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    """Returns a root file system with a few programs of the host."""
    root = tmp_path / "rootfs"
    for name in ("bin", "tmp", "etc", "proc", "dev", "sys"):
        (root / name).mkdir(parents=True)
    for name in ("bash", "sleep", "cat", "id"):
        program = shutil.which(name)
        assert program is not None
        shutil.copy2(program, root / "bin" / name)
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for library in (word for word in listed.split() if word.startswith("/")):
            (root / library.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, root / library.lstrip("/"))
    return root


def in_podman(gator: Gator, rootfs: Path, spec: str, code: int) -> None:
    gator.start("run", gator.spec(spec), prefix=podman_prefix(rootfs)).wait().expect(code)


def containers(gator: Gator) -> str:
    run = json.loads(gator("status", "--json").expect(0).out)["run"]["id"]
    listed = subprocess.run(
        ["podman", "ps", "-a", "--format", "{{.Labels}}"], capture_output=True, text=True, check=True
    )
    return "\n".join(line for line in listed.stdout.splitlines() if run in line)


def test_a_job_runs_in_a_container_with_its_user_environment_and_limits(gator: Gator, rootfs: Path) -> None:
    (gator.root / "data").mkdir()
    (gator.root / "data" / "in.txt").write_text("mounted\n")
    spec = f"""\
!JobGroup
ident: top
runner: {{container: {{image: {rootfs}, mounts: ['{gator.root}/data:/data']}}}}
jobs:
- !Job
  ident: job
  scratch: true
  shell: |
    echo "$(id -u) $X ${{LAUNCHED:-unset}} $(ulimit -n)"
    cat /data/in.txt
    echo made > out.txt
    exit 3
  env: {{X: "a b"}}
  ulimit: {{nofile: 200}}
  artefacts: {{collect: out.txt}}
"""
    gator.env["LAUNCHED"] = "yes"
    in_podman(gator, rootfs, spec, 1)
    assert gator("logs", "top/job").expect(0).out == f"{os.getuid()} a b unset 200\nmounted\n"
    assert gator("get", "top/job", "out.txt", "-o", "-").expect(0).out == "made\n"
    assert "exited with code 3" in gator("failures").expect(0).out
    assert containers(gator) == ""
    assert not list((gator.folder / "runners").iterdir())


def test_nothing_of_a_container_survives_its_job(gator: Gator, rootfs: Path) -> None:
    spec = f"""\
!Job
ident: stuck
timeout: 2s
grace: 500ms
runner: {{container: {{image: {rootfs}}}}}
shell: trap "" TERM; sleep 98765 & echo ready; sleep 98765; sleep 98765
"""
    in_podman(gator, rootfs, spec, 1)
    assert gator("logs", "stuck").expect(0).out == "ready\n"
    assert "ran longer than its timeout" in gator("failures").expect(0).out
    until(lambda: not gator.jobs("98765"), "the end of the container")
    assert containers(gator) == ""
