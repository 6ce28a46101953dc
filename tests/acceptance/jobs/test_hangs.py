"""Jobs that hang are ended, with evidence of what they waited for."""

from tests.acceptance.support import Gator

SPEC = """\
!JobGroup
ident: hangs
silence: 3s
jobs:
- !Job {ident: waits, shell: "echo go; exec 3> held.txt; read -r line < pipe"}
- !Job {ident: talks, shell: "for i in 1 2 3 4 5; do echo $i; sleep 1; done"}
- !Job
  ident: writes
  silence: {for: 3s, watch: grow.log}
  shell: "for i in 1 2 3 4 5; do echo $i >> grow.log; sleep 1; done"
- !Job {ident: free, silence: none, command: sleep, args: [4]}
"""


def test_a_silent_job_is_a_hang_unless_it_writes_elsewhere(gator: Gator) -> None:
    gator("run", "-j", 4, gator.spec("!Job {ident: make, command: mkfifo, args: [pipe]}\n")).expect(0)
    said = gator("run", "-j", 4, gator.spec(SPEC)).expect(1).out
    assert said.count("no output for 3s: ") >= 1
    assert "3 passed, 1 failed" in said
    shown = gator("show", "waits").expect(0).out
    assert "no output for 3s: bash waits in " in shown or "no output for 3s: bash is " in shown
    printed = f"gator logs --long hangs/waits -r {gator.folder}"
    assert f"what its processes did: {printed}\n" in shown
    assert f"  hang:   {printed}\n" in gator("failures").expect(0).out
    assert f"       hang: {printed}\n" in said
    evidence = gator(*printed.split()[1:]).expect(0).out
    assert "no output for 3s, in which its processes used" in evidence
    assert "held.txt" in evidence


def test_problems_of_the_key_are_reported(gator: Gator) -> None:
    for value, problem in (
        ("soon", "'silence' must be a duration such as 90s, 1h30m or 500ms, not 'soon'"),
        ("0", "'silence' cannot be 0: write none for no limit"),
        ("{watch: x}", "'silence' requires 'for', a duration"),
        ("{for: 1m, wach: x}", "unknown key 'wach' in 'silence': did you mean 'watch'?"),
    ):
        spec = gator.spec(f"!Job {{ident: a, command: 'true', silence: {value}}}\n")
        assert problem in gator("check", spec).expect(2).out
