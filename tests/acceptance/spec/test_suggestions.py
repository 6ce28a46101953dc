"""Commands that are given a wrong name suggest the right one."""

import re

from tests.acceptance.support import Gator

SPEC = """\
!JobGroup
ident: nightly
jobs:
- !JobGroup
  ident: sims
  jobs:
  - !Job {ident: run, command: "true"}
  - !Job {ident: "x*", command: "true"}
  - !Job {ident: "xy", command: "false"}
"""


def test_trend_suggests_the_ident_and_the_path(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    for wrong, meant in (
        ("nigthly", "nightly"),
        ("nigthly/sims/run", "nightly/sims/run"),
        ("nightly/sims/rnu", "nightly/sims/run"),
        ("nightly/run", "nightly/sims/run"),
        (r"nightly/x\*", r"nightly/sims/x\*"),
    ):
        said = gator("trend", wrong).expect(2).err
        assert f"has {wrong}: did you mean '{meant}'?" in said
        assert gator("trend", meant).expect(0).out.split()[0] == meant.replace("\\", "")
    assert "gator runs --tracking " in gator("trend", "other").expect(2).err


def test_a_literal_star_is_found_by_trend_and_by_every_command_that_takes_a_node(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    for name in (r"nightly/sims/x\*", "nightly/sims/x*"):
        assert gator("trend", name).expect(0).out.startswith("nightly/sims/x*  .  1 of 1 passed")
    for command in ("status", "tree", "show", "resources", "metrics", "logs"):
        done = gator(command, r"sims/x\*").expect(0)
        assert "xy" not in done.out


def test_a_wrong_name_of_a_run_is_corrected(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    for command in ("status", "diff"):
        run = ("-r", "nigthly") if command == "status" else ("nigthly",)
        said = gator(command, *run).expect(2).err
        assert re.search(r"there is no run 'nigthly' in \S+: did you mean 'nightly'\?\n", said)
