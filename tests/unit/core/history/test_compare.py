import pytest

from gator.core.history.compare import (
    Change,
    Changed,
    Outcome,
    below_root,
    change_of,
    compare,
    count,
    difference,
    side_of,
)
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2

PASSED, FAILED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST
PRUNED, OPEN = common_pb2.OUTCOME_PRUNED, common_pb2.OUTCOME_UNSPECIFIED


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (PASSED, FAILED, hub_pb2.CHANGE_NEWLY_FAILING),
        (PRUNED, LOST, hub_pb2.CHANGE_NEWLY_FAILING),
        (FAILED, PASSED, hub_pb2.CHANGE_FIXED),
        (LOST, FAILED, hub_pb2.CHANGE_STILL_FAILING),
        (PASSED, PASSED, hub_pb2.CHANGE_STILL_PASSING),
        (None, FAILED, hub_pb2.CHANGE_NEW),
        (PASSED, None, hub_pb2.CHANGE_GONE),
        (FAILED, PRUNED, hub_pb2.CHANGE_OTHER),
        (PASSED, OPEN, hub_pb2.CHANGE_OTHER),
        (OPEN, PASSED, hub_pb2.CHANGE_OTHER),
    ],
)
def test_a_change_follows_from_the_two_outcomes(
    before: Outcome | None, after: Outcome | None, change: Change
) -> None:
    assert change_of(before, after) == change


def test_jobs_come_by_change_and_then_in_the_order_of_the_later_run() -> None:
    before = {"a/t[10]": PASSED, "a/t[9]": PASSED, "kept": PASSED, "gone": PASSED, "mended": FAILED}
    after = {"a/t[10]": FAILED, "a/t[9]": FAILED, "kept": PASSED, "mended": PASSED, "fresh": PASSED}
    found = compare(before, after)
    assert [(one.change, one.path) for one in found] == [
        (hub_pb2.CHANGE_NEWLY_FAILING, "a/t[10]"),
        (hub_pb2.CHANGE_NEWLY_FAILING, "a/t[9]"),
        (hub_pb2.CHANGE_FIXED, "mended"),
        (hub_pb2.CHANGE_NEW, "fresh"),
        (hub_pb2.CHANGE_GONE, "gone"),
        (hub_pb2.CHANGE_STILL_PASSING, "kept"),
    ]
    assert {(each.change, each.jobs) for each in count(found)} == {
        (hub_pb2.CHANGE_NEWLY_FAILING, 2),
        (hub_pb2.CHANGE_FIXED, 1),
        (hub_pb2.CHANGE_NEW, 1),
        (hub_pb2.CHANGE_GONE, 1),
        (hub_pb2.CHANGE_STILL_PASSING, 1),
    }


def test_the_only_job_of_a_run_has_an_empty_path() -> None:
    assert below_root("top") == ""
    assert below_root("top/a/b[1]") == "a/b[1]"


def test_a_difference_tells_both_sides() -> None:
    node = query_pb2.Node(
        path="top/a",
        outcome=FAILED,
        reason=common_pb2.REASON_EXIT,
        signature="abc",
        usage=event_pb2.Usage(wall_nanos=5),
        first_error=event_pb2.ErrorMessage(text="no"),
    )
    side = side_of(node, [event_pb2.MetricTotal(name="cycles", value=3)])
    found = difference(Changed("a", hub_pb2.CHANGE_NEW), None, side)
    assert not found.HasField("before")
    assert found.after.first_error.text == "no"
    assert found.after.wall_nanos == 5
    assert found.after.signature == "abc"
    assert found.after.metrics[0].value == 3


@pytest.mark.parametrize(
    ("before", "after", "is_other"),
    [
        (("s1-a", ""), ("s1-a", ""), False),
        (("s1-a", ""), ("s1-b", ""), True),
        (("s1-a", "grant"), ("s1-b", "grant"), False),
        (("s1-a", "grant"), ("s1-a", "credit"), True),
        # Only one of the runs has a rule.
        (("s1-a", ""), ("s1-a", "grant"), False),
    ],
)
def test_a_failure_has_another_cause_by_its_name_else_by_its_signature(
    before: tuple[str, str], after: tuple[str, str], is_other: bool
) -> None:
    sides = [hub_pb2.Side(outcome=FAILED, signature=sign, cause=cause) for sign, cause in (before, after)]
    assert difference(Changed("a", hub_pb2.CHANGE_STILL_FAILING), *sides).other_cause == is_other
    assert not difference(Changed("a", hub_pb2.CHANGE_NEW), None, sides[1]).other_cause
