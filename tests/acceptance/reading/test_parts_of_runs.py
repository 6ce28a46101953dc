"""What commands say after runs of a part of a spec, and after runs that a limit ended."""

import subprocess

from tests.acceptance.support import Gator

SPEC = """\
!JobGroup
ident: top
max_fail: 1
jobs:
- !Job {ident: a, shell: 'echo hi > x.txt; test "$MODE" != bad', artefacts: {produces: {x: x.txt}}}
- !Job {ident: b, shell: 'true', on_done: [a]}
- !Job {ident: c, shell: 'true', on_done: [b]}
"""


def test_failures_say_why_jobs_were_not_started(gator: Gator) -> None:
    gator("run", gator.spec(SPEC), env={"MODE": "bad"}).expect(1)
    lines = gator("failures").expect(0).out.splitlines()
    assert "2 jobs were not started, because 1 job of top failed (max_fail: 1)" in lines
    assert lines[-1].startswith("  the rest: MODE=bad gator run --skip @passed --repeat ")


STOPPED = """\
!JobGroup
ident: top
jobs:
- !Job {ident: a, shell: 'exit 0'}
- !Job {ident: b, shell: 'gator stop -r "$GATOR_RUN_DIR"; sleep 60.3', on_pass: [a]}
- !Job {ident: c, shell: 'exit 0', on_done: [b]}
"""


def test_a_stopped_run_names_the_command_that_runs_the_rest(gator: Gator) -> None:
    ran = gator("run", gator.spec(STOPPED)).expect(1)
    rest = "2 jobs were cancelled: gator run --skip @passed --repeat "
    assert rest in ran.out
    assert rest in gator("status").expect(0).out
    failures = gator("failures").expect(0).out
    assert failures.startswith(f"nothing failed\n\n{rest}")
    again = STOPPED.replace('gator stop -r "$GATOR_RUN_DIR"; sleep 60.3', "exit 0")
    gator("run", "--only", "b", "--repeat", "latest", gator.spec(again)).expect(0)
    since = "1 job was cancelled in run "
    assert since in gator("failures").expect(0).out


def test_a_rerun_names_the_variables_that_differ(gator: Gator) -> None:
    spec = gator.spec(SPEC)
    gator("run", spec, env={"MODE": "bad"}).expect(1)
    rerun = gator("run", "--only", "@failed", spec, env={"MODE": "good"})
    assert "MODE has another value (was bad)" in rerun.out + rerun.err
    again = gator("run", "--only", "/top/a", "--repeat", "latest", spec, env={"MODE": "bad"})
    assert "variables differ" not in again.out + again.err


def test_a_job_that_passes_with_another_variable_is_not_called_flaky(gator: Gator) -> None:
    spec = gator.spec("!JobGroup {ident: top, jobs: [!Job {ident: a, shell: 'test $MODE != bad'}]}")
    (gator.root / ".gitignore").write_text("*\n!spec.yaml\n")
    for words in (["init", "-q"], ["add", "spec.yaml"], ["commit", "-qm", "one"]):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        subprocess.run(command, cwd=gator.root, check=True, capture_output=True)
    gator("run", spec, env={"MODE": "bad"}).expect(1)
    gator("run", "--only", "@failed", spec, env={"MODE": "good"}).expect(0)
    failures = gator("failures").expect(0).out
    assert "flaky" not in failures
    assert "1 job failed and then passed at " in failures
    assert " with other variables (MODE=bad, then MODE=good): top/a\n" in failures


def test_get_finds_an_artefact_that_only_the_repeated_run_made(gator: Gator) -> None:
    spec = gator.spec(SPEC.replace("max_fail: 1\n", "").replace("'true', on_done: [b]", "'false'"))
    gator("run", spec, env={"MODE": "fast"}).expect(1)
    gator("run", "--only", "/top/c", "--repeat", "latest", spec, env={"MODE": "fast"}).expect(1)
    found = gator("get", "a", "x", "-o", "-").expect(0)
    assert found.out == "hi\n"
    assert "repeats a part of it" in found.err
