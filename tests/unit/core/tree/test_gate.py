"""When a node may start: every row of the table, and any order of outcomes."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.tree.gate import Gate, GateState, key_of, refusal
from gator.plan import Condition, Edge, make_plan
from gator.testing.world import array, group, job, order, request
from gator.v1 import common_pb2

PASS, FAIL, DONE = Condition.ON_PASS, Condition.ON_FAIL, Condition.ON_DONE
PASSED, FAILED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST
PRUNED, CANCELLED = common_pb2.OUTCOME_PRUNED, common_pb2.OUTCOME_CANCELLED
NONE, NEEDLESS, DEPENDENCY = (
    common_pb2.REASON_UNSPECIFIED,
    common_pb2.REASON_NOT_NEEDED,
    common_pb2.REASON_DEPENDENCY,
)


@pytest.mark.parametrize(
    ("outcome", "reason", "on_pass", "on_fail"),
    [
        (PASSED, NONE, None, NEEDLESS),
        (FAILED, common_pb2.REASON_EXIT, DEPENDENCY, None),
        (LOST, common_pb2.REASON_LOST, DEPENDENCY, None),
        (PRUNED, DEPENDENCY, DEPENDENCY, None),
        (PRUNED, common_pb2.REASON_CHILD, DEPENDENCY, None),
        (PRUNED, NEEDLESS, NEEDLESS, NEEDLESS),
        (CANCELLED, common_pb2.REASON_CANCELLED, DEPENDENCY, NEEDLESS),
    ],
)
def test_each_outcome_meets_a_condition_or_refuses_it_as_the_table_says(
    outcome: common_pb2.Outcome.ValueType,
    reason: common_pb2.Reason.ValueType,
    on_pass: common_pb2.Reason.ValueType | None,
    on_fail: common_pb2.Reason.ValueType | None,
):
    assert refusal(PASS, outcome, reason) == on_pass
    assert refusal(FAIL, outcome, reason) == on_fail
    assert refusal(DONE, outcome, reason) is None


def edges(on_pass: str = "", on_fail: str = "", on_done: str = "", skip: str = "") -> list[Edge]:
    """The edges of a job that waits for a, b or c."""
    waits = order(on_pass.split(), on_fail.split(), on_done.split())
    children = [job(name) for name in "abc"]
    asked = request(group("top", *children, job("me", waits)))
    asked.skip.extend(skip.split())
    return make_plan(asked).nodes["top/me"].waits


def test_a_gate_without_conditions_is_open():
    assert Gate(()).state is GateState.OPEN


def test_a_gate_opens_when_everything_is_met_and_not_before():
    gate = Gate(edges(on_pass="a b", on_done="c"))
    assert gate.settle("top/a", PASSED, NONE)
    assert gate.settle("top/c", FAILED, common_pb2.REASON_EXIT)
    assert gate.state is GateState.BLOCKED
    assert gate.settle("top/b", PASSED, NONE)
    assert gate.state is GateState.OPEN


def test_what_a_gate_does_not_wait_for_is_of_no_concern():
    gate = Gate(edges(on_pass="a"))
    assert not gate.settle("top/b", FAILED, common_pb2.REASON_EXIT)
    assert gate.settle("top/a", PASSED, NONE)
    assert not gate.settle("top/a", FAILED, common_pb2.REASON_EXIT), "an outcome is final"
    assert gate.state is GateState.OPEN


def test_a_failure_shuts_a_gate_at_once_and_says_what_was_waited_for():
    gate = Gate(edges(on_pass="a b"))
    gate.settle("top/b", FAILED, common_pb2.REASON_EXIT)
    assert gate.state is GateState.SHUT
    assert (gate.closing.outcome, gate.closing.reason) == (PRUNED, DEPENDENCY)
    assert gate.closing.message == "waits for top/b to pass, which failed"


def test_a_handler_that_is_not_needed_waits_for_its_other_conditions():
    gate = Gate(edges(on_fail="a", on_done="b"))
    gate.settle("top/a", PASSED, NONE)
    assert gate.state is GateState.BLOCKED
    gate.settle("top/b", PASSED, NONE)
    assert gate.state is GateState.SHUT
    assert gate.closing.reason == NEEDLESS


def test_waiting_for_the_failure_of_what_was_not_selected_is_neutral():
    gate = Gate(edges(on_fail="a", on_pass="b", skip="a"))
    assert gate.state is GateState.BLOCKED
    gate.settle("top/b", PASSED, NONE)
    assert gate.state is GateState.SHUT
    assert gate.closing.reason == NEEDLESS
    assert "not selected" in gate.closing.message


def test_what_was_not_selected_counts_as_passed():
    assert Gate(edges(on_pass="a", on_done="b", skip="a b")).state is GateState.OPEN


def test_an_open_gate_has_no_closing():
    with pytest.raises(AssertionError):
        _ = Gate(()).closing


ENDS = [
    (PASSED, NONE),
    (FAILED, common_pb2.REASON_EXIT),
    (PRUNED, DEPENDENCY),
    (PRUNED, NEEDLESS),
    (CANCELLED, common_pb2.REASON_CANCELLED),
    (LOST, common_pb2.REASON_LOST),
]


@given(
    st.lists(st.sampled_from(["on_pass", "on_fail", "on_done"]), min_size=3, max_size=3),
    st.lists(st.sampled_from(ENDS), min_size=3, max_size=3),
)
def test_the_order_in_which_outcomes_come_changes_neither_the_state_nor_the_reason(
    kinds: list[str], ends: list[tuple[common_pb2.Outcome.ValueType, common_pb2.Reason.ValueType]]
):
    waits: dict[str, str] = {}
    for name, kind in zip("abc", kinds, strict=True):
        waits[kind] = f"{waits.get(kind, '')} {name}"
    made = edges(**waits)
    seen: set[tuple[GateState, int]] = set()
    for numbers in permutations(range(3)):
        gate = Gate(made)
        for number in numbers:
            gate.settle(f"top/{'abc'[number]}", *ends[number])
        seen.add((gate.state, gate.closing.reason if gate.state is GateState.SHUT else 0))
    assert len(seen) == 1
    assert next(iter(seen))[0] is not GateState.BLOCKED


def test_a_key_is_the_path_without_indices_or_names_one_repeat():
    spec = group(
        "top", array("many", 3, job("one")), job("all", order(["one"])), job("second", order(["many/one[1]"]))
    )
    plan = make_plan(request(spec))
    assert key_of(plan.nodes["top/all"].waits[0]) == "top/many/one"
    assert key_of(plan.nodes["top/second"].waits[0]) == "top/many/one[1]"
