"""Every command that Gator prints works where it is pasted: in another folder and another environment."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.acceptance.support import Done, Gator

SPEC = """\
!JobGroup
ident: top
jobs:
- !Job {ident: mode, command: sh, args: [-c, "exit ${MODE:-0}"]}
- !Job {ident: level, cwd: "${{ env.WHERE }}", shell: "[ -e here ] && exit $LEVEL"}
- !Job {ident: "st*r", command: "false"}
- !Job {ident: "stxr", command: "true"}
- !Job {ident: secret, command: sh, args: [-c, 'test -z "$1"', x, $API_TOKEN]}
"""
LAUNCH = {"MODE": "3", "LEVEL": "4", "WHERE": "sub dir", "API_TOKEN": "hush-hush-hush"}
PRINTED = re.compile(r"^ +(?:again: +|output: |run again +)(.*)$", re.MULTILINE)


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


def test_a_node_that_was_most_likely_meant_is_offered(gator: Gator) -> None:
    inner = '!JobGroup {ident: test, jobs: [!Job {ident: a, command: "true"}]}'
    gator("run", gator.spec(f"!JobGroup {{ident: top, jobs: [{inner}]}}\n")).expect(0)
    for command in ("logs", "failures", "show", "tree"):
        assert (
            "there is no node 'tst/a' in top: did you mean 'test/a'?" in gator(command, "tst/a").expect(2).err
        )
    assert "did you mean" not in gator("logs", "nothing/like/it").expect(2).err
