"""Tiers and trees, run in a simulated world."""

import pytest

from gator.testing.world import World, array, group, job, order, request
from gator.v1 import attach_pb2, common_pb2, spec_pb2


def failing(*names: str):
    def outcome(path: str, attempt: int) -> common_pb2.Outcome.ValueType:
        return common_pb2.OUTCOME_FAILED if path.rpartition("/")[2] in names else common_pb2.OUTCOME_PASSED

    return outcome


def sequence(world: World) -> list[str]:
    return [event.path for event in world.events if event.HasField("result")]


def test_a_job_inside_a_sibling_releases_an_array():
    world = World(
        request(
            group(
                "top",
                group("inner", job("say_hi")),
                array("counting", 4, job("echo_count"), waits=order(on_pass=["say_hi"])),
                job("say_bye", order(on_pass=["counting"])),
            )
        )
    )
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    assert sequence(world) == [
        "top/inner/say_hi",
        "top/inner",
        *(f"top/counting/echo_count[{n}]" for n in range(4)),
        "top/counting",
        "top/say_bye",
        "top",
    ]
    assert world.tree.tally.passed == 6
    assert world.tree.tally.waiting == world.tree.tally.running == 0


def test_outcomes_decide_what_starts_as_the_table_says():
    spec = group(
        "top",
        job("a"),
        job("p", order(on_pass=["a"])),
        job("f", order(on_fail=["a"])),
        job("d", order(on_done=["a"])),
        job("pp", order(on_pass=["p"])),
        job("fp", order(on_fail=["p"])),
        job("pf", order(on_pass=["f"])),
    )
    failed = World(request(spec), failing("a"))
    failed.run()
    assert failed.outcomes() == {
        "top": "FAILED",
        "top/a": "FAILED",
        "top/p": "PRUNED",
        "top/f": "PASSED",
        "top/d": "PASSED",
        "top/pp": "PRUNED",
        "top/fp": "PASSED",
        "top/pf": "PASSED",
    }
    passed = World(request(spec))
    passed.run()
    assert passed.outcomes() == {
        "top": "PASSED",
        "top/a": "PASSED",
        "top/p": "PASSED",
        "top/f": "PRUNED",
        "top/d": "PASSED",
        "top/pp": "PASSED",
        "top/fp": "PRUNED",
        "top/pf": "PRUNED",
    }
    assert passed.results()["top/pf"].reason == common_pb2.REASON_NOT_NEEDED


def test_a_repeated_child_counts_as_one_and_failed_if_any_failed():
    spec = array("top", 3, job("build"), job("sim", order(on_pass=["build"])))
    world = World(request(spec), failing("build[1]"))
    world.run()
    assert [world.outcomes()[f"top/sim[{n}]"] for n in range(3)] == ["PRUNED"] * 3
    clean = World(request(spec))
    clean.run()
    ends = sequence(clean)
    assert max(ends.index(f"top/build[{n}]") for n in range(3)) < ends.index("top/sim[0]")


def test_a_single_repeat_can_be_waited_for():
    spec = group("top", array("arr", 3, job("x")), job("after", order(on_pass=["x[1]"])))
    world = World(request(spec), failing("x[0]", "x[2]"))
    world.run()
    assert world.outcomes()["top/after"] == "PASSED"


def test_a_group_inside_an_array_resolves_names_within_its_repeat():
    spec = array("top", 3, group("lane", job("a"), job("b", order(on_pass=["a"]))))
    world = World(
        request(spec),
        lambda path, _: common_pb2.OUTCOME_FAILED if path == "top/lane[1]/a" else common_pb2.OUTCOME_PASSED,
    )
    world.run()
    assert world.outcomes()["top/lane[0]/b"] == "PASSED"
    assert world.outcomes()["top/lane[1]/b"] == "PRUNED"
    assert world.outcomes()["top/lane[2]/b"] == "PASSED"


def test_an_array_without_repeats_passes_and_releases():
    spec = group("top", array("none", 0, job("x")), job("after", order(on_pass=["none"])))
    world = World(request(spec))
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    assert world.outcomes() == {"top": "PASSED", "top/none": "PASSED", "top/after": "PASSED"}


def test_waiting_for_a_node_in_an_array_without_repeats_counts_as_passed():
    spec = group("top", array("none", 0, job("x")), job("after", order(on_pass=["x"])))
    world = World(request(spec))
    assert world.run().outcome == common_pb2.OUTCOME_PASSED


def test_a_pruned_group_is_declared_and_closed_with_all_it_holds():
    spec = group(
        "top",
        job("a"),
        group("g", array("arr", 3, job("x")), job("y"), waits=order(on_pass=["a"])),
    )
    world = World(request(spec), failing("a"))
    world.run()
    outcomes = world.outcomes()
    assert {path for path, outcome in outcomes.items() if outcome == "PRUNED"} == {
        "top/g",
        "top/g/arr",
        "top/g/y",
        *(f"top/g/arr/x[{n}]" for n in range(3)),
    }
    assert world.results()["top/g"].jobs.pruned == 4


def test_a_lost_attempt_is_tried_once_more():
    spec = group("top", job("a"))
    world = World(
        request(spec),
        lambda path, attempt: common_pb2.OUTCOME_LOST if attempt == 1 else common_pb2.OUTCOME_PASSED,
    )
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    assert world.results()["top/a"].attempts == 2


def test_an_attempt_that_is_lost_twice_is_lost():
    world = World(request(group("top", job("a"))), lambda path, attempt: common_pb2.OUTCOME_LOST)
    assert world.run().outcome == common_pb2.OUTCOME_LOST
    assert world.results()["top/a"].attempts == 2


def test_a_failure_that_is_allowed_is_neutral_for_the_group_but_not_for_those_who_wait():
    spec = group("top", job("a", allow_failure=True), job("b", order(on_fail=["a"])))
    world = World(request(spec), failing("a"))
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    assert world.outcomes()["top/b"] == "PASSED"


def test_after_max_fail_nothing_new_starts():
    spec = array("top", 100, job("x"))
    spec.array.max_fail = 2
    world = World(request(spec), lambda path, attempt: common_pb2.OUTCOME_FAILED)
    assert world.run().outcome == common_pb2.OUTCOME_FAILED
    outcomes = list(world.outcomes().values())
    assert outcomes.count("FAILED") - 1 <= 2 + world.cores
    assert outcomes.count("CANCELLED") >= 90
    assert world.results()["top/x[99]"].reason == common_pb2.REASON_MAX_FAIL


def test_after_max_fail_per_cause_nothing_new_starts():
    spec = array("top", 100, job("x"))
    spec.array.max_fail_per_cause = 2
    world = World(request(spec), lambda path, attempt: common_pb2.OUTCOME_FAILED)
    assert world.run().outcome == common_pb2.OUTCOME_FAILED
    assert list(world.outcomes().values()).count("FAILED") - 1 <= 2 + world.cores
    last = world.results()["top/x[99]"]
    assert last.reason == common_pb2.REASON_MAX_FAIL
    assert "jobs of top failed with the cause s1-" in last.message
    assert last.message.endswith("(max_fail_per_cause: 2)")


@pytest.mark.parametrize("mode", [attach_pb2.STOP_MODE_GRACEFUL, attach_pb2.STOP_MODE_NOW])
def test_after_a_stop_nothing_new_starts_and_every_node_has_a_result(mode: attach_pb2.StopMode.ValueType):
    spec = group("top", array("arr", 1000, job("x")), job("b", order(on_pass=["arr"])))

    def stop_early(world: World) -> None:
        if len(world.events) > 20:
            world.stop("", mode)

    world = World(request(spec), on_step=stop_early)
    assert world.run().outcome == common_pb2.OUTCOME_CANCELLED
    assert len(world.results()) == 1003
    assert world.outcomes()["top/b"] == "CANCELLED"


def test_a_single_repeat_can_be_stopped_before_it_exists():
    spec = array("top", 2000, job("x"))
    stopped: list[bool] = []

    def stop_one(world: World) -> None:
        if not stopped and len(world.events) > 4:
            stopped.append(world.stop("top/x[1999]"))

    world = World(request(spec), on_step=stop_one)
    world.run()
    assert stopped == [True]
    assert world.outcomes()["top/x[1999]"] == "CANCELLED"
    assert list(world.outcomes().values()).count("PASSED") == 1999


def test_a_stopped_group_is_cancelled_and_its_followers_are_pruned():
    spec = group(
        "top",
        group("g", job("x"), job("y", order(on_pass=["x"]))),
        job("after", order(on_pass=["g"])),
        job("anyway", order(on_done=["g"])),
    )
    done: list[bool] = []

    def stop_group(world: World) -> None:
        if not done and world.running:
            done.append(world.stop("top/g"))

    world = World(request(spec), on_step=stop_group)
    world.run()
    assert world.outcomes()["top/g"] == "CANCELLED"
    assert world.outcomes()["top/after"] == "PRUNED"
    assert world.outcomes()["top/anyway"] == "PASSED"


def test_a_deadline_ends_a_node():
    spec = group("top", job("a"), job("b", order(on_pass=["a"])))
    spec.group.deadline_millis = 5

    def wait(world: World) -> None:
        world.clock.advance(0.01)

    world = World(request(spec), on_step=wait)
    world.run()
    assert world.outcomes() == {"top/a": "PASSED", "top/b": "CANCELLED", "top": "CANCELLED"}
    assert world.results()["top/b"].reason == common_pb2.REASON_DEADLINE


def test_a_single_job_is_a_tree_of_its_own():
    world = World(request(job("alone")))
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    assert world.outcomes() == {"alone": "PASSED"}


def test_jobs_of_a_larger_priority_start_first():
    children = [spec_pb2.Spec(job=spec_pb2.Job(ident=f"j{n}", command="true", priority=n)) for n in range(5)]
    world = World(request(group("top", *children)), cores=1)
    world.run()
    assert sequence(world)[:-1] == [f"top/j{n}" for n in (4, 3, 2, 1, 0)]


def test_a_clock_that_is_set_moves_neither_deadlines_nor_durations():
    spec = group("top", job("a"), job("b", order(on_pass=["a"])))
    spec.group.deadline_millis = 60_000

    def set_ahead_and_back(world: World) -> None:
        world.clock.set_wall(-7200 if world.clock.wall_offset else 86_400)

    world = World(request(spec), on_step=set_ahead_and_back)
    began = world.clock.nanos
    result = world.run()
    assert result.outcome == common_pb2.OUTCOME_PASSED
    assert 0 <= result.usage.wall_nanos <= world.clock.nanos - began
