"""Failures in quarantine are shown, and do not fail the run until its date."""

from gator.v1 import common_pb2
from tests.acceptance.support import Gator

SPEC = """
!JobGroup
ident: top
jobs:
- !Job {ident: a, command: 'false', quarantine: {owner: ana, reason: HW-12, until: %s}}
- !Job {ident: b, command: 'true'}
"""


def test_a_failure_in_quarantine_does_not_fail_the_run(gator: Gator) -> None:
    spec = gator.spec(SPEC % "9999-12-31")
    assert "in quarantine until 9999-12-31 (ana: HW-12)" in gator("plan", spec).expect(0).out
    gator("run", spec).expect(0)
    assert gator.nodes()["top/a"].outcome == common_pb2.OUTCOME_FAILED
    shown = gator("show", "a").expect(0).out
    assert "quarantine      ana: HW-12, until 9999-12-31" in shown


def test_after_the_date_it_does(gator: Gator) -> None:
    spec = gator.spec(SPEC % "2020-01-31")
    done = gator("run", spec).expect(1)
    assert "the quarantine of 'a' ended on 2020-01-31: its failures count again" in done.out
