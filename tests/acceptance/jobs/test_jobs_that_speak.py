"""Jobs that use the client in a real run: processes they fork are heard, notices do not count."""

import pytest

from tests.acceptance.support import Gator, until

SPEAKING = """\
import multiprocessing, os, sys
from gator import client

def child(number):
    client.info(f"child {number}")

if __name__ == "__main__":
    client.info("parent")
    if os.fork() == 0:
        child(0)
        os._exit(0)
    os.wait()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(child, [1, 2, 3])
"""


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_a_job_that_forks_passes_and_all_its_processes_are_heard(gator: Gator, placement: str) -> None:
    gator.spec(SPEAKING, "speaking.py")
    spec = gator.spec("!Job {ident: a, command: python3, args: [speaking.py]}\n")
    gator("run", spec, "--placement", placement).expect(0)
    said = gator("logs", "a", "--long").expect(0).out
    for text in ("parent", "child 0", "child 1", "child 2", "child 3"):
        assert said.count(text) == 1, said


@pytest.mark.parametrize(
    ("surroundings", "notice"),
    [
        ("GATOR_TOKEN=wrong", "messages of this job are no longer recorded"),
        ("GATOR_PARENT=", "not inside a job of Gator: nothing is recorded"),
    ],
)
def test_a_notice_of_the_client_is_a_warning_of_gator_and_never_fails_the_job(
    gator: Gator, surroundings: str, notice: str
) -> None:
    program = "from gator import client; client.info('x')"
    spec = gator.spec(
        "!Job\n"
        "  ident: a\n"
        "  limits: {error: 0, warning: 0}\n"
        f'  shell: {surroundings} python3 -c "{program}"\n'
    )
    gator("run", spec).expect(0)
    assert notice in gator("logs", "a", "--long").expect(0).out
    assert gator("failures").expect(0).out.startswith("nothing failed")


def test_a_value_that_is_not_a_number_gives_a_warning_and_never_fails_the_job(gator: Gator) -> None:
    program = "from gator import client; client.metric('slack', float('nan'))"
    spec = gator.spec(
        f'!Job\n  ident: a\n  limits: {{error: 0, warning: 0}}\n  shell: python3 -c "{program}"\n'
    )
    gator("run", spec).expect(0)
    assert "the metric slack is not recorded: its value is NaN" in gator("logs", "a", "--long").expect(0).out


PRINTING = """\
!JobGroup
ident: top
jobs:
- !Job
  ident: sim
  shell: |
    echo '::gator progress value=42::compiling'
    echo '::gator metric name=cycles value=7 unit=ns'
    echo '::gator artefact path=out/cov.vdb::merged'
    until test -e go; do sleep 0.05; done
    echo '::gator log severity=error file=a.c line=3::the buffer overflows' >&2
- !Job {ident: plain, commands: off, shell: "echo '::gator log severity=error::no command'"}
- !Job {ident: noted, shell: "echo '::error file=a.c,line=3::of a linter'"}
- !Job {ident: named, parsers: github, shell: "echo '::error file=a.c,line=3::of a linter'"}
- !Job {ident: wrong, limits: {warning: 0}, shell: "echo '::gator log severity=eror::no command'"}
"""


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_lines_that_a_job_prints_report_messages_metrics_progress_and_artefacts(
    gator: Gator, placement: str
) -> None:
    spec = gator.spec(PRINTING)
    run = gator.start("run", spec, "--placement", placement)
    until(lambda: "42 % compiling" in gator("tree").out, "the progress in the tree")
    until(lambda: "42 % compiling" in gator("status").out, "the progress in the status")
    (gator.root / "go").touch()
    run.wait().expect(1)
    tree = gator("tree").expect(0).out
    assert {name: f"{name}  passed" in tree for name in ("plain", "noted", "wrong")} == dict.fromkeys(
        ("plain", "noted", "wrong"), True
    )
    assert "named  failed" in tree and "42 %" not in tree
    failed = gator("failures", "top/sim").expect(0).out
    assert "the buffer overflows" in failed
    shown = gator("show", "top/sim").expect(0).out
    assert "metric cycles   7 ns" in shown and "out/cov.vdb (merged)" in shown
    assert "line 1 of stdout is not a valid command" in gator("logs", "top/wrong", "--long").expect(0).out
    assert "::gator progress value=42::compiling" in gator("logs", "top/sim").expect(0).out
