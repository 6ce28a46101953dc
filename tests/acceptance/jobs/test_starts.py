"""With `starts`, a job may wait for as long as it needs before the time of its timeout begins."""

from tests.acceptance.support import Gator, until

SPEC = """\
!JobGroup
ident: licensed
timeout: 1s
starts: {match: "^license granted"}
jobs:
- !Job
  ident: waits
  shell: "while [ ! -e free ]; do sleep 0.1; done; echo license granted; exec sleep 0.1"
- !Job {ident: runs, shell: "echo license granted; exec sleep 60"}
- !Job {ident: denied, command: "true"}
"""


def test_the_time_of_the_timeout_begins_at_the_line(gator: Gator) -> None:
    run = gator.start("run", "-j", 3, "-v", gator.spec(SPEC))
    # The attempt whose line came first is over its timeout; the other one has no timeout yet.
    until(lambda: "FAILED licensed/runs: ran longer than its timeout of 1s" in run.text(), "a timeout")
    waiting = next(line for line in gator("tree").expect(0).out.splitlines() if "waits" in line)
    assert waiting.endswith("starting")
    assert gator("show", "licensed/waits").expect(0).out.count("starting") == 1
    (gator.root / "free").touch()
    done = run.wait().expect(1)
    assert "licensed/waits: starting\n" in done.out
    assert "licensed/waits: running\n" in done.out
    assert "2 passed, 1 failed" in done.out
    assert "no line of the pattern `starts: ^license granted`" in gator("logs", "denied", "--long").out
