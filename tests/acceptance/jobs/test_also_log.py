"""Files of `also_log` are shown, selected and explained as the other streams of a job."""

from tests.acceptance.support import Gator

SPEC = """\
!JobGroup
ident: logs
jobs:
- !Job
  ident: sim
  also_log: [sim.log, "${{ params.test }}.log"]
  params: {test: smoke}
  shell: |
    echo starts
    for i in 1 2 3; do echo "step $i" >> sim.log; done
    echo "UVM_ERROR top.sv(7) @ 10: top [ID] lost a packet" > smoke.log
    exit 1
"""


def test_their_lines_are_read_like_those_of_stdout(gator: Gator) -> None:
    said = gator("run", gator.spec(SPEC)).expect(1).out
    assert "first error: log2:1: UVM_ERROR top.sv(7) @ 10: top [ID] lost a packet" in said
    assert gator("logs", "sim", "--stream", "log1").expect(0).out == "step 1\nstep 2\nstep 3\n"
    lines = gator("logs", "sim", "--tail", 1).expect(0).out.splitlines()
    assert sorted(lines) == ["UVM_ERROR top.sv(7) @ 10: top [ID] lost a packet", "starts", "step 3"]
    assert "log1:2: step 2" in gator("logs", "sim", "--long").expect(0).out
    shown = gator("show", "sim").expect(0).out
    assert "also_log" in shown
    assert "sim.log: 3 lines" in shown
    assert "smoke.log: 1 line\n" in shown
    assert "log2:1" in gator("failures").expect(0).out
    assert gator.output("logs/sim").count(b"\n") == 5
    found = gator("logs", "logs", "--grep", "packet").expect(0).out
    assert "lost a packet" in found


def test_the_summary_counts_warnings_of_gator(gator: Gator) -> None:
    spec = """\
!JobGroup
ident: logs
jobs:
- !Job {ident: one, command: "true", also_log: [a.log, b.log]}
- !Job {ident: two, command: "true", on_pass: one, also_log: [c.log]}
"""
    said = gator("run", gator.spec(spec)).expect(0).out
    assert "3 warnings about jobs: see `gator logs --long logs/one" in said
    assert "a.log of `also_log` was not found" in gator("logs", "--long", "logs/one").expect(0).out
