"""Every command that Gator prints works where it is pasted: in another folder and another environment."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.acceptance.support import Done, Gator, until
from tests.component.upload.fakes import free_port

SPEC = """\
!JobGroup
ident: top
jobs:
- !Job {ident: mode, command: sh, args: [-c, "echo mode; exit ${MODE:-0}"]}
- !Job {ident: level, cwd: "${{ env.WHERE }}", shell: "[ -e here ] && echo level && exit $LEVEL"}
- !Job {ident: "st*r", shell: "echo star; false"}
- !Job {ident: "stxr", command: "true"}
- !Job {ident: secret, command: sh, args: [-c, 'echo secret; test -z "$1"', x, $API_TOKEN]}
"""
LAUNCH = {"MODE": "3", "LEVEL": "4", "WHERE": "sub dir", "API_TOKEN": "hush-hush-hush"}
PRINTED = re.compile(r"^ *(?:again: +|output: |others: |run again +|details: )(.*)$", re.MULTILINE)
MANY = """\
!JobGroup
ident: top
jobs:
- !JobArray
  ident: many
  repeats: 6
  jobs: [!Job {ident: one, command: sh, args: [-c, "echo one; exit ${MODE:-3}"]}]
- !Job {ident: other, shell: "echo other; false"}
"""


def pasted(gator: Gator, line: str, elsewhere: Path, **variables: str) -> Done:
    """Carries out a printed line in a shell whose folder and environment are others."""
    bin_folder = elsewhere / "bin"
    bin_folder.mkdir(exist_ok=True)
    program = bin_folder / "gator"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gator "$@"\n')
    program.chmod(0o755)
    env = {name: value for name, value in gator.env.items() if name not in LAUNCH}
    env |= {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "GATOR_TRACKING": str(elsewhere / "runs"),
        **variables,
    }
    done = subprocess.run(
        line, shell=True, cwd=elsewhere, env=env, capture_output=True, text=True, timeout=60
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_commands_of_a_summary_of_failures_and_of_one_node(gator: Gator, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    (gator.root / "sub dir").mkdir()
    (gator.root / "sub dir" / "here").touch()
    gator.spec(SPEC, "my spec.yaml")
    summary = gator("run", "my spec.yaml", "--limit-error", "none", env=LAUNCH).expect(1).out
    listed = gator("failures").expect(0).out
    shown = "".join(gator("show", path).expect(0).out for path in ("top/mode", "top/st*r"))
    assert LAUNCH["API_TOKEN"] not in summary + listed + shown
    assert "needs: API_TOKEN, set as at the launch" in summary
    assert "needs:  API_TOKEN, set as at the launch" in listed
    lines = PRINTED.findall(summary + listed + shown)
    assert len(lines) == 4 + 2 * 4 + 2, lines
    for line in lines:
        done = pasted(gator, line, elsewhere, API_TOKEN=LAUNCH["API_TOKEN"])
        if " run " in line:
            assert line.startswith("LEVEL=4 MODE=3 WHERE='sub dir' gator run --only ")
            assert "FAILED top in" in done.expect(1).out
            assert "1 failed" in done.out
            assert "passed" not in done.out
        else:
            done.expect(0)


def test_a_star_in_an_ident_is_escaped_everywhere(gator: Gator) -> None:
    gator.spec(SPEC)
    plan = gator("plan", "spec.yaml", "--only", r"st\*r").expect(0).out
    assert "st*r" in plan
    assert "stxr" not in plan
    assert "stxr" in gator("plan", "spec.yaml", "--only", "st*r").expect(0).out
    assert "stxr" in gator("plan", "spec.yaml", "--skip", r"top/st\*r").expect(0).out
    gator("run", "spec.yaml").expect(1)
    tree = gator("tree", r"top/st\*r").expect(0).out
    assert "st*r" in tree
    assert "stxr" not in tree
    again = gator("run", "spec.yaml", "--only", "@failed").expect(1).out
    assert "stxr" not in "".join(gator.nodes())
    assert r"--only '/top/st\*r'" in again


def test_a_hint_of_an_error_names_the_run(gator: Gator, tmp_path: Path) -> None:
    gator("run", gator.spec('!JobGroup {ident: top, jobs: [!Job {ident: a, command: "true"}]}\n')).expect(0)
    said = gator("logs", "top/nothing").expect(2).err
    line = said.strip().rpartition("see ")[2]
    assert line == f"gator tree -r {gator.folder}"
    assert pasted(gator, line, tmp_path).expect(0).out.startswith("top")


def test_a_hint_where_the_run_to_repeat_is_missing_lists_the_runs_there_are(
    gator: Gator, tmp_path: Path
) -> None:
    gator("run", gator.spec('!JobGroup {ident: top, jobs: [!Job {ident: a, command: "true"}]}\n')).expect(0)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    said = gator("run", "--repeat", "nosuch", "spec.yaml").expect(2).err
    line = said.strip().rpartition("see ")[2]
    assert line.startswith("gator runs --tracking ")
    assert str(gator.folder) in pasted(gator, line, elsewhere).expect(0).out


def test_a_node_that_was_most_likely_meant_is_offered(gator: Gator) -> None:
    inner = '!JobGroup {ident: test, jobs: [!Job {ident: a, command: "true"}]}'
    gator("run", gator.spec(f"!JobGroup {{ident: top, jobs: [{inner}]}}\n")).expect(0)
    for command in ("logs", "failures", "show", "tree"):
        assert (
            "there is no node 'tst/a' in top: did you mean 'test/a'?" in gator(command, "tst/a").expect(2).err
        )
    assert "did you mean" not in gator("logs", "nothing/like/it").expect(2).err


def test_a_variable_that_was_unset_at_the_launch_is_unset_again(gator: Gator, tmp_path: Path) -> None:
    run = gator("run", gator.spec(MANY)).expect(1).out
    (line,) = [line for line in PRINTED.findall(run) if "@failed" in line]
    assert line.startswith("env -u MODE gator run --only @failed --repeat ")
    again = pasted(gator, line, tmp_path, MODE="0").expect(1).out
    assert "exited with code 3" in again
    assert "7 failed" in again


def test_commands_about_many_failures_and_live_runs(gator: Gator, tmp_path: Path) -> None:
    run = gator("run", gator.spec(MANY)).expect(1).out
    told = [line for line in PRINTED.findall(run) if "gator failures" in line]
    assert len(told) == 1
    for line in told:
        assert "exited with code 3" in pasted(gator, line, tmp_path).expect(0).out
    listed = gator("failures").expect(0).out
    lines = PRINTED.findall(listed)
    assert len(lines) == 2 * 2 + 1, listed
    (others,) = [line for line in lines if "--cause" in line]
    assert pasted(gator, others, tmp_path).expect(0).out.count("exited with code 3") == 6
    unknown = gator("trend", "top/nothing").expect(2).err
    assert pasted(gator, _hint(unknown, "gator runs"), tmp_path).expect(0).out.count(" top ") == 1


def _hint(text: str, begins: str) -> str:
    """The command that begins so within an error."""
    found = re.search(rf"{re.escape(begins)}.*?(?=;|$)", text, re.MULTILINE)
    assert found, text
    return found[0].strip()


def test_hints_about_other_runs_list_them(gator: Gator, tmp_path: Path) -> None:
    gator("run", gator.spec(MANY)).expect(1)
    said = [gator("diff").expect(2).err, gator("status", "-r", "nothing-like-it").expect(2).err]
    for text in said:
        assert pasted(gator, _hint(text, "gator runs"), tmp_path).expect(0).out.count(" top ") == 1


def test_hints_about_a_live_run_name_it_and_its_spec(gator: Gator, tmp_path: Path) -> None:
    gator.spec(
        "!JobGroup\nident: top\njobs:\n- !Job {ident: a, shell: 'sleep 60'}\n"
        "- !Job {ident: b, command: echo, args: ['${MODE:-0}'], on_pass: [a]}\n"
    )
    run = gator.start("run", "spec.yaml")
    try:
        until(lambda: gator("tree").out.count("running") > 1, "a job that runs")
        said = gator("logs", "top/nothing").expect(2).err
        waiting, coming = _hint(said, "gator status"), _hint(said, "env -u MODE gator plan")
        assert "waiting:" in pasted(gator, waiting, tmp_path).expect(0).out
        assert "top" in pasted(gator, coming, tmp_path).expect(0).out
        refused = gator("close", "-r", str(gator.folder)).expect(2).err
        pasted(gator, _hint(refused, "gator stop"), tmp_path).expect(0)
        assert run.wait().code == 1
    finally:
        if not run.ended:
            run.kill()


def test_commands_about_a_run_of_a_hub(gator: Gator, tmp_path: Path) -> None:
    data = gator.root / "data"
    address = f"localhost:{free_port()}"
    port = address.rpartition(":")[2]
    served = gator.start("hub", "serve", "-P", port, "--web-port", 0, env={"XDG_DATA_HOME": str(data)})
    try:
        until(lambda: "send a run" in served.text(), "a hub that listens")
        token = data / "gator" / "hub" / "token"
        named = {"GATOR_HUB": address, "GATOR_HUB_TOKEN_FILE": str(token)}
        for mode in ("3", "4"):
            gator("run", gator.spec(MANY), env={**named, "MODE": mode}).expect(1)
        listed = gator("failures", "-r", "hub:top", env=named).expect(0).out
        shown = gator("show", "top/other", "-r", "hub:top", env=named).expect(0).out
        assert f"  needs:  GATOR_HUB_TOKEN_FILE={token}\n" in listed
        unknown = gator("trend", "hub:top/nothing", env=named).expect(2).err
        missing = gator("logs", "top/nothing", "-r", "hub:top", env=named).expect(2).err
        other = gator.spec('!Job {ident: alone, command: "true"}\n', "other.yaml")
        gator("run", other, env=named).expect(0)
        first = gator("diff", "--hub", address, env=named).expect(2).err
        lines = [
            *PRINTED.findall(listed + shown),
            _hint(unknown, "gator runs"),
            _hint(missing, "gator tree"),
            _hint(first, "gator runs"),
        ]
        assert len(lines) == 2 * 2 + 1 + 1 + 3, lines
        for line in lines:
            done = pasted(gator, line, tmp_path, GATOR_HUB_TOKEN_FILE=str(token), MODE="9")
            done.expect(1 if "gator run " in line else 0)
        secret = token.read_text().strip().rpartition(":")[2]
        said = gator(
            "failures", "-r", "hub:top", env={"GATOR_HUB": address, "GATOR_HUB_TOKEN": secret}
        ).expect(0)
        assert "needs:  GATOR_HUB_TOKEN, set as here" in said.out
        assert secret not in said.out
    finally:
        served.signal(signal.SIGTERM)
        served.wait()
