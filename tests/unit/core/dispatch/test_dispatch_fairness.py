"""Prefetched attempts, and reservations for attempts that waited too long."""

import pytest

from gator.core.dispatch.actions import HandOut, Ready, Recall
from gator.core.dispatch.pools import DemandKey
from tests.unit.core.dispatch.dispatch_support import ONE, add_all, finish, handed, jobs, key, make, warm


def test_short_jobs_are_handed_out_ahead_to_cover_fifty_milliseconds() -> None:
    dispatcher = make(1, fixed=True)
    now = warm(dispatcher, ONE, 0.01)
    add_all(dispatcher, jobs("a", 100), now)
    actions = dispatcher.poll(now)
    assert handed(actions) == [f"a{at}" for at in range(6)]
    assert len({action.lease_id for action in actions if isinstance(action, HandOut)}) == 1
    assert dispatcher.counts.prefetched == 5


def test_never_more_than_thirty_two_are_handed_out_ahead() -> None:
    dispatcher = make(1, fixed=True)
    warm(dispatcher, ONE, 0)
    add_all(dispatcher, jobs("a", 100), 0)
    assert len(handed(dispatcher.poll(0))) == 33


def test_long_jobs_are_not_handed_out_ahead() -> None:
    dispatcher = make(1, fixed=True)
    now = warm(dispatcher, ONE, 1)
    add_all(dispatcher, jobs("a", 100), now)
    assert handed(dispatcher.poll(now)) == ["a0"]


def test_the_last_jobs_are_shared_fairly_between_leases() -> None:
    dispatcher = make(2, fixed=True)
    warm(dispatcher, ONE, 0)
    add_all(dispatcher, jobs("a", 8), 0)
    leases = [action.lease_id for action in dispatcher.poll(0) if isinstance(action, HandOut)]
    assert sorted(leases.count(lease) for lease in set(leases)) == [3, 4]


def test_nothing_is_handed_out_ahead_past_a_job_of_larger_weight_that_would_fit() -> None:
    dispatcher = make(1, fixed=True)
    warm(dispatcher, ONE, 0)
    add_all(dispatcher, jobs("a", 10), 0)
    dispatcher.add(Ready(("first", 1), ONE, 5), 0)
    dispatcher.add(Ready(("second", 1), DemandKey(1, 5), 4), 0)
    assert handed(dispatcher.poll(0)) == ["first"]
    finish(dispatcher, "first", 0.1)
    assert handed(dispatcher.poll(0.1)) == ["second"]


def test_a_lease_moves_to_a_host_that_has_fewer() -> None:
    dispatcher = make(2, hosts=1)
    warm(dispatcher, ONE, 0)
    add_all(dispatcher, jobs("a", 4), 0)
    assert len(handed(dispatcher.poll(0))) == 4
    dispatcher.on_host("h1", 0)
    add_all(dispatcher, jobs("b", 100), 0)
    assert handed(dispatcher.poll(0)) == []
    finish(dispatcher, "a0", 0)
    assert handed(dispatcher.poll(0)) == []
    finish(dispatcher, "a2", 0)
    finish(dispatcher, "a3", 0)
    actions = [action for action in dispatcher.poll(0) if isinstance(action, HandOut)]
    assert {action.host for action in actions if action.lease_id == 4} == {"h1"}


def test_what_waits_behind_a_job_that_turned_out_long_is_asked_back() -> None:
    dispatcher = make(2, fixed=True)
    warm(dispatcher, ONE, 0)
    add_all(dispatcher, jobs("a", 6), 0)
    starts = [action for action in dispatcher.poll(0) if isinstance(action, HandOut)]
    behind = {action.key: action.lease_id for action in starts if action.key not in (key("a0"), key("a1"))}
    when = dispatcher.wake_at()
    assert when == pytest.approx(0.1)
    assert dispatcher.poll(0.05) == []
    finish(dispatcher, "a1", 0.1)
    (recall,) = [action for action in dispatcher.poll(0.11) if isinstance(action, Recall)]
    assert recall.host == "inline"
    assert len(recall.lease_ids) == 1
    assert dispatcher.poll(0.2) == []
    before = dispatcher.counts
    back = [each for each, lease in behind.items() if lease in recall.lease_ids]
    assert back
    assert dispatcher.on_recalled(back, 0.2) == []
    assert dispatcher.counts.queued == before.queued + len(back)


def test_a_big_job_reserves_what_becomes_free_after_a_hundred_smaller_starts() -> None:
    dispatcher = make(2, fixed=True)
    dispatcher.add(Ready(("small", 1), ONE, 1), 0)
    dispatcher.poll(0)
    dispatcher.add(Ready(("big", 1), DemandKey(2), 0, 0), 0)
    add_all(dispatcher, jobs("s", 500, first=1), 0)
    running = [key("small"), *((path, 1) for path in handed(dispatcher.poll(0)))]
    starts, now = len(running), 0.0
    while key("big") not in running:
        now += 0.2
        dispatcher.on_finished(running.pop(0), now)
        paths = handed(dispatcher.poll(now))
        starts += len(paths)
        running += [key(path) for path in paths]
        assert starts < 110
    assert starts > 100


def test_a_big_job_reserves_after_thirty_seconds() -> None:
    dispatcher = make(2, fixed=True)
    add_all(
        dispatcher, [Ready(("x", 1), ONE, 9), Ready(("big", 1), DemandKey(2), 1), Ready(("y", 1), ONE)], 0
    )
    assert handed(dispatcher.poll(0)) == ["x", "y"]
    assert dispatcher.wake_at() == 30
    dispatcher.poll(30)
    add_all(dispatcher, jobs("s", 5), 31)
    finish(dispatcher, "x", 31)
    assert handed(dispatcher.poll(31)) == []
    finish(dispatcher, "y", 32)
    assert handed(dispatcher.poll(32)) == ["big"]


def test_a_job_that_waits_for_a_license_keeps_no_core_idle() -> None:
    tool = DemandKey(1, 0, (("ToolA", 1),))
    dispatcher = make(2, fixed=True, ToolA=1)
    add_all(dispatcher, [*jobs("t", 2, tool, weight=1), *jobs("s", 4)], 0)
    assert handed(dispatcher.poll(0)) == ["t0", "s0"]
    dispatcher.poll(31)
    finish(dispatcher, "s0", 40)
    assert handed(dispatcher.poll(40)) == ["s1"]


def test_cancelled_jobs_are_left_out_of_what_is_handed_out_ahead() -> None:
    dispatcher = make(1, fixed=True)
    warm(dispatcher, ONE, 0)
    add_all(dispatcher, jobs("a", 6), 0)
    for path in ("a1", "a3"):
        dispatcher.cancel(key(path), 0)
    assert handed(dispatcher.poll(0)) == ["a0", "a2", "a4", "a5"]


def test_what_a_reservation_once_kept_is_not_lost_while_it_waits_for_the_next_pool() -> None:
    tool = DemandKey(0, 0, (("ToolA", 1),))
    dispatcher = make(2, fixed=True, ToolA=1)
    add_all(dispatcher, [*jobs("t", 2, tool, weight=2), *jobs("c", 2, weight=2)], 0)
    dispatcher.add(Ready(("both", 1), DemandKey(2, 0, (("ToolA", 1),)), 1), 0)
    assert handed(dispatcher.poll(0)) == ["t0", "c0", "c1"]
    add_all(dispatcher, jobs("late", 1, DemandKey(0)), 0)
    assert handed(dispatcher.poll(0)) == ["late0"]
    dispatcher.cancel(key("t1"), 0)
    dispatcher.poll(31)
    add_all(dispatcher, [*jobs("x", 9, weight=2), *jobs("y", 9, tool, weight=2)], 31)
    finish(dispatcher, "c0", 40)
    assert handed(dispatcher.poll(40)) == ["x0"], "cores are not kept while the license is out"
    finish(dispatcher, "t0", 41)
    assert handed(dispatcher.poll(41)) == []
    finish(dispatcher, "c1", 42)
    assert handed(dispatcher.poll(42)) == []
    finish(dispatcher, "x0", 43)
    assert handed(dispatcher.poll(43)) == ["both"]
