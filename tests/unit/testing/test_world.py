"""The simulated world keeps its contract: it runs what a tree asks for and notices what must never be."""

from random import Random

import pytest

from gator.testing.clock import FakeClock
from gator.testing.world import World, array, group, job, order, request
from gator.v1 import common_pb2, event_pb2

SPEC = group("top", array("arr", 4, job("x")), group("g", job("y", order(on_pass=["x"]))))


def test_a_world_runs_as_many_jobs_at_once_as_there_are_cores():
    maximum = 0

    def on_step(world: World) -> None:
        nonlocal maximum
        maximum = max(maximum, len(world.running))

    world = World(request(SPEC), cores=3, on_step=on_step, starts=True)
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    assert maximum == 3


def test_an_attempt_is_handed_out_then_starts_then_ends():
    world = World(request(SPEC), pick=Random(1).randrange, starts=True)
    world.run()
    for path in ("top/arr/x[2]", "top/g/y"):
        steps = [step for step in world.steps if step[1] == path]
        assert steps == [("handed out", path, 1), ("started", path, 1), ("ended", path, 1)]


def test_the_record_of_a_job_has_all_its_events_in_order():
    world = World(request(SPEC), lambda path, attempt: common_pb2.OUTCOME_FAILED)
    world.run()
    assert [entry[0] for entry in world.canonical()["top/arr/x[0]"]] == [
        "declared",
        "started",
        "attempt_finished",
        "result",
    ]
    assert world.canonical()["top/g/y"] == [
        ("declared", 0, 0, 0),
        ("result", 0, common_pb2.OUTCOME_PRUNED, common_pb2.REASON_DEPENDENCY),
    ]


def test_a_tier_in_another_daemon_is_told_and_tells_later():
    late: list[bool] = []
    world = World(
        request(SPEC), remote=frozenset({"top/g"}), on_step=lambda w: late.append(w.orders_in_transit)
    )
    assert world.run().outcome == common_pb2.OUTCOME_PASSED
    assert True in late
    assert world.tree.tally == event_pb2.Tally(passed=5)


def test_a_world_notices_a_tree_that_hangs():
    world = World(request(SPEC))
    # Nothing that is enqueued ever gets to the dispatcher.
    world.dispatch.poll = lambda now: []  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="hangs"):
        world.run()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (["result"], "never declared"),
        (["declared", "declared"], "declared twice"),
        (["declared", "result", "result"], "two Results"),
    ],
)
def test_a_world_notices_a_record_that_is_wrong(fields: list[str], complaint: str):
    world = World(request(SPEC))
    for name in fields:
        event = event_pb2.Event(path="top")
        getattr(event, name).SetInParent()
        world.events.append(event)
    with pytest.raises(AssertionError, match=complaint):
        world.results()


def test_a_fake_clock_stands_still_until_it_is_told_to_go_on():
    clock = FakeClock(5_000_000_000)
    assert (clock.now().steady, clock.monotonic()) == (5_000_000_000, 5.0)
    clock.advance(1.5)
    assert (clock.now().steady, clock.monotonic()) == (6_500_000_000, 6.5)
