"""Jobs are tried again after failures, in a simulated world."""

from collections.abc import Callable

import pytest

from gator.core.tree.retries import MAX_DELAY_MILLIS, delay_millis, retries_failure, retries_loss
from gator.plan import make_plan
from gator.plan.instances.seeds import reseeded
from gator.testing.world import World, group, job, order, request
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2

FAILED, PASSED, LOST = common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_LOST


def spec_with(retries: spec_pb2.Retries, flaky: spec_pb2.FlakyMode.ValueType = spec_pb2.FLAKY_MODE_PASS):
    spec = group("top", job("a"), job("b", order(on_pass=["a"])))
    spec.group.jobs[0].job.settings.retries.CopyFrom(retries)
    spec.group.jobs[0].job.settings.flaky = flaky
    return spec


def passing_from(number: int) -> Callable[[str, int], common_pb2.Outcome.ValueType]:
    return lambda path, attempt: FAILED if path == "top/a" and attempt < number else PASSED


def test_a_job_that_passes_after_failures_is_flaky() -> None:
    world = World(request(spec_with(spec_pb2.Retries(count=2))), passing_from(3))
    result = world.run()
    assert world.outcomes() == {"top": "PASSED", "top/a": "PASSED", "top/b": "PASSED"}
    assert world.results()["top/a"].attempts == 3
    assert (result.jobs.passed, result.jobs.flaky, world.tree.tally.flaky) == (2, 1, 1)


def test_a_job_that_fails_too_often_has_failed() -> None:
    world = World(request(spec_with(spec_pb2.Retries(count=2))), passing_from(4))
    assert world.run().jobs.flaky == 0
    assert world.outcomes() == {"top": "FAILED", "top/a": "FAILED", "top/b": "PRUNED"}


def test_a_flaky_job_can_count_as_failed() -> None:
    world = World(request(spec_with(spec_pb2.Retries(count=1), spec_pb2.FLAKY_MODE_FAIL)), passing_from(2))
    assert world.run().jobs.flaky == 1
    assert world.outcomes()["top/a"] == "FAILED"
    assert world.results()["top/a"].message.startswith("flaky: passed in attempt 2, and before that: ")


def test_a_job_waits_before_it_is_tried_again() -> None:
    begun: list[float] = []

    def note(world: World) -> None:
        if len(begun) < sum(step[0] == "started" and step[1] == "top/a" for step in world.steps):
            begun.append(world.clock.monotonic())

    retries = spec_pb2.Retries(count=2, delay_millis=1, backoff=1)
    world = World(request(spec_with(retries)), passing_from(3), on_step=note)
    world.run()
    assert len(begun) == 3


@pytest.mark.parametrize("mode", [attach_pb2.STOP_MODE_HOLD, attach_pb2.STOP_MODE_GRACEFUL])
def test_a_job_that_is_stopped_while_it_waits_keeps_its_failure(mode: attach_pb2.StopMode.ValueType) -> None:
    def stop(world: World) -> None:
        if ("ended", "top/a", 1) in world.steps:
            world.tree.stop(attach_pb2.Stop(mode=mode), world.clock.now())

    retries = spec_pb2.Retries(count=1, delay_millis=60_000)
    world = World(request(spec_with(retries)), passing_from(2), on_step=stop)
    world.run()
    assert world.outcomes()["top/a"] == "FAILED"
    assert world.results()["top/a"].attempts == 1


def test_only_the_given_reasons_are_tried_again() -> None:
    retries = spec_pb2.Retries(count=1, reasons=[common_pb2.REASON_SIGNAL, common_pb2.REASON_LOST])
    for reason, again in ((common_pb2.REASON_SIGNAL, True), (common_pb2.REASON_EXIT, False)):
        end = event_pb2.AttemptFinished(outcome=FAILED, reason=reason)
        assert retries_failure(retries, end, 0) is again
        assert not retries_failure(retries, end, 1)
    lost = event_pb2.AttemptFinished(outcome=LOST, reason=common_pb2.REASON_LOST)
    assert retries_loss(retries, lost, 0)
    assert not retries_loss(retries, lost, 1)
    assert retries_failure(retries, lost, 0)
    assert not retries_failure(spec_pb2.Retries(count=1), lost, 0)


def test_a_delay_grows_with_each_attempt_up_to_a_day() -> None:
    retries = spec_pb2.Retries(delay_millis=500, backoff=3)
    assert [delay_millis(retries, number) for number in (1, 2, 3)] == [500, 1500, 4500]
    assert delay_millis(retries, 1000) == MAX_DELAY_MILLIS
    assert delay_millis(spec_pb2.Retries(backoff=3), 5) == 0


def test_a_further_attempt_has_another_seed_where_the_spec_says_so() -> None:
    plan = make_plan(request(spec_with(spec_pb2.Retries(count=2, reseed=True))))
    node, path = plan.nodes["top/a"], "top/a"
    seeds = [plan.attempt_seed(node, path, failures) for failures in range(3)]
    assert seeds[0] == plan.seed(path)
    assert len(set(seeds)) == 3
    assert seeds[1] == reseeded(plan.seed(path), 1)
    plain = make_plan(request(spec_with(spec_pb2.Retries(count=2))))
    assert plain.attempt_seed(plain.nodes["top/a"], path, 2) == plain.seed(path)
