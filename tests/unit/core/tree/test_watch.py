"""What a tier watches below itself: repeats are folded into one outcome, whatever order they come in."""

from itertools import permutations

import pytest

from gator.core.tree.watch import RepeatFold, Watch, WatchPlans
from gator.plan import Plan, make_plan
from gator.testing.world import array, group, job, order, request
from gator.v1 import common_pb2, spec_pb2

PASSED, FAILED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST
PRUNED, CANCELLED = common_pb2.OUTCOME_PRUNED, common_pb2.OUTCOME_CANCELLED
NEEDLESS, DEPENDENCY = common_pb2.REASON_NOT_NEEDED, common_pb2.REASON_DEPENDENCY
End = tuple[common_pb2.Outcome.ValueType, common_pb2.Reason.ValueType]
PASS: End = (PASSED, common_pb2.REASON_UNSPECIFIED)
FAIL: End = (FAILED, common_pb2.REASON_EXIT)


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ([PASS, PASS, PASS], PASSED),
        ([PASS, FAIL, PASS], FAILED),
        ([PASS, (LOST, common_pb2.REASON_LOST), FAIL], FAILED),
        ([PASS, (LOST, common_pb2.REASON_LOST), (CANCELLED, common_pb2.REASON_CANCELLED)], LOST),
        ([PASS, (PRUNED, DEPENDENCY), (CANCELLED, common_pb2.REASON_CANCELLED)], CANCELLED),
        ([PASS, (PRUNED, DEPENDENCY), (PRUNED, NEEDLESS)], PRUNED),
        ([PASS, (PRUNED, NEEDLESS), (PRUNED, NEEDLESS)], PASSED),
    ],
)
def test_a_repeated_node_has_the_worst_outcome_of_its_repeats(
    ends: list[End], outcome: common_pb2.Outcome.ValueType
):
    for order_of_ends in permutations(ends):
        fold = RepeatFold(3)
        assert [fold.add(*end) for end in order_of_ends] == [False, False, True]
        assert fold.outcome == outcome


def test_a_handler_that_no_repeat_needed_stays_neutral():
    fold = RepeatFold(2)
    fold.add(PRUNED, NEEDLESS)
    fold.add(PRUNED, NEEDLESS)
    assert (fold.outcome, fold.reason) == (PRUNED, NEEDLESS)


def plans(*children: spec_pb2.Spec) -> tuple[Plan, WatchPlans]:
    plan = make_plan(request(group("top", *children)))
    return plan, WatchPlans(plan)


def test_an_outcome_is_known_when_all_repeats_have_ended():
    plan, made = plans(array("many", 2, array("inner", 2, job("one"))), job("last", order(["one"])))
    watch = Watch(made.of(plan.root))
    paths = [f"many/inner[{outer}]/one[{inner}]" for outer in range(2) for inner in range(2)]
    for path in paths[:-1]:
        assert not watch.on_result(path, "top/many/inner/one", *PASS)
    (release,) = watch.on_result(paths[-1], "top/many/inner/one", *FAIL)
    assert (release.path, release.outcome) == ("top/many/inner/one", FAILED)


def test_one_repeat_can_be_waited_for_beside_all_of_them():
    plan, made = plans(
        array("many", 3, job("one")), job("all", order(["one"])), job("second", order(["many/one[1]"]))
    )
    watch = Watch(made.of(plan.root))
    assert not watch.on_result("many/one[0]", "top/many/one", *FAIL)
    (second,) = watch.on_result("many/one[1]", "top/many/one", *PASS)
    assert (second.path, second.outcome) == ("top/many/one[1]", PASSED)
    (every,) = watch.on_result("many/one[2]", "top/many/one", *PASS)
    assert (every.path, every.outcome) == ("top/many/one", FAILED)


def test_what_nobody_waits_for_is_not_watched():
    plan, made = plans(job("a"), job("b", order(["a"])), job("c"))
    watch = Watch(made.of(plan.root))
    assert set(watch.plan.watched) == {"top/a"}
    assert made.commons_of("top/c") == ()
    assert made.commons_of("top/a") == (plan.root,)
    assert not watch.on_result("c", "top/c", *PASS)


def test_a_release_goes_to_the_children_on_the_way_to_who_waits():
    plan, made = plans(job("a"), group("outer", group("inner", job("deep", order(["a"]))), job("other")))
    waiting_children = {
        name: [node.template for node in made.of(plan.nodes[name]).waiting_children.get("top/a", ())]
        for name in ("top", "top/outer", "top/outer/inner")
    }
    assert waiting_children == {
        "top": ["top/outer"],
        "top/outer": ["top/outer/inner"],
        "top/outer/inner": ["top/outer/inner/deep"],
    }


def test_lanes_of_an_array_watch_within_themselves():
    plan, made = plans(array("lanes", 2, group("lane", job("build"), job("run", order(["build"])))))
    lane = plan.nodes["top/lanes/lane"]
    assert made.commons_of("top/lanes/lane/build") == (lane,)
    assert not made.of(plan.root).watched
    watch = Watch(made.of(lane))
    (release,) = watch.on_result("build", "top/lanes/lane/build", *PASS)
    assert release.outcome == PASSED
