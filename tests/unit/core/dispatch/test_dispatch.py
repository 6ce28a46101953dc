"""Who may start what where, example by example."""

import pytest

from gator.core.dispatch.actions import Cancelled, Grant, HandOut, Ready, Recall, RetireHost, StartHost
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.hosts import host_count
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey, Pools
from gator.errors import GatorError
from gator.v1 import common_pb2
from tests.unit.core.dispatch.dispatch_support import (
    ONE,
    add_all,
    finish,
    handed,
    jobs,
    key,
    make,
    request,
    warm,
)


def test_jobs_start_by_weight_then_order() -> None:
    dispatcher = make(1, fixed=True)
    add_all(
        dispatcher,
        [Ready(("c", 1), ONE, 0, 3), Ready(("b", 1), ONE, 0, 2), Ready(("a", 1), DemandKey(1, 5), 7, 9)],
        0,
    )
    started: list[str] = []
    for now in range(1, 4):
        (path,) = handed(dispatcher.poll(now))
        started.append(path)
        finish(dispatcher, path, now)
    assert started == ["a", "b", "c"]


def test_a_hand_out_names_host_lease_and_cores() -> None:
    dispatcher = make(2, fixed=True)
    dispatcher.add(Ready(("a", 3), DemandKey(5)), 0)
    assert dispatcher.poll(0) == [HandOut("inline", 1, 2, ("a", 3))]


def test_no_job_is_added_twice_while_it_is_known() -> None:
    dispatcher = make(fixed=True)
    dispatcher.add(Ready(("a", 1), ONE), 0)
    with pytest.raises(ValueError, match="added before"):
        dispatcher.add(Ready(("a", 1), ONE), 0)
    dispatcher.poll(0)
    finish(dispatcher, "a", 1)
    dispatcher.add(Ready(("a", 1), ONE), 1)
    assert handed(dispatcher.poll(1)) == ["a"]


@pytest.mark.parametrize(("slots", "hosts"), [(1, 1), (2, 2), (16, 2), (33, 3), (64, 4), (1000, 8)])
def test_one_host_serves_sixteen_slots(slots: int, hosts: int) -> None:
    assert host_count(slots) == hosts


def test_hosts_are_asked_for_once_and_only_when_work_waits() -> None:
    dispatcher = Dispatcher(Ledger(Pools(4, 0, False, {})), max_hosts=2, slots=4, fixed_host=None)
    assert dispatcher.poll(0) == []
    dispatcher.add(Ready(("a", 1), ONE), 0)
    assert dispatcher.poll(0) == [StartHost(1)]
    add_all(dispatcher, jobs("b", 5), 0)
    assert dispatcher.poll(0) == [StartHost(1)]
    assert dispatcher.poll(1) == []
    dispatcher.on_host_start_failed(1)
    assert dispatcher.poll(1) == [StartHost(1)]
    dispatcher.on_host("h0", 2)
    assert len(handed(dispatcher.poll(2))) == 4
    dispatcher.on_host("h1", 3)
    assert dispatcher.poll(3) == []


def test_leases_are_spread_over_the_hosts() -> None:
    dispatcher = make(4, hosts=2)
    add_all(dispatcher, jobs("a", 4), 0)
    hosts = [action.host for action in dispatcher.poll(0) if isinstance(action, HandOut)]
    assert hosts == ["h0", "h1", "h0", "h1"]


def test_the_first_host_does_not_get_the_work_of_those_that_still_start() -> None:
    dispatcher = Dispatcher(Ledger(Pools(40, 0, False, {})), max_hosts=3, slots=40, fixed_host=None)
    add_all(dispatcher, jobs("a", 40), 0)
    assert dispatcher.poll(0) == [StartHost(3)]
    dispatcher.on_host("h0", 0)
    assert len(handed(dispatcher.poll(0))) == 16
    dispatcher.on_host("h1", 0)
    assert len(handed(dispatcher.poll(0))) == 16
    dispatcher.on_host("h2", 0)
    assert len(handed(dispatcher.poll(0))) == 8


def test_cancelling_says_where_the_job_was() -> None:
    dispatcher = make(1, fixed=True)
    warm(dispatcher, ONE, 0.02)
    add_all(dispatcher, jobs("a", 6), 0.02)
    assert handed(dispatcher.poll(0.02)) == ["a0", "a1", "a2"]
    assert dispatcher.cancel(key("a5"), 0.02) is Cancelled.QUEUED
    assert dispatcher.cancel(key("a5"), 0.02) is Cancelled.UNKNOWN
    assert dispatcher.cancel(key("a0"), 0.02) is Cancelled.RUNNING
    assert dispatcher.cancel(key("a1"), 0.02) is Cancelled.PREFETCHED
    assert dispatcher.poll(0.02) == [Recall("inline", (2,))]
    assert dispatcher.on_recalled([key("a1"), key("a2")], 0.03) == [key("a1")]
    finish(dispatcher, "a0", 0.04)
    assert handed(dispatcher.poll(0.04))[0] == "a2"


def test_a_cancelled_job_that_starts_before_the_recall_arrives_runs_to_its_end() -> None:
    dispatcher = make(1, fixed=True)
    warm(dispatcher, ONE, 0)
    add_all(dispatcher, jobs("a", 2), 0)
    dispatcher.poll(0)
    assert dispatcher.cancel(key("a1"), 0) is Cancelled.PREFETCHED
    finish(dispatcher, "a0", 0)
    dispatcher.on_started(key("a1"), 0)
    assert dispatcher.cancel(key("a1"), 0) is Cancelled.RUNNING
    assert dispatcher.on_recalled([], 0) == []
    dispatcher.on_finished(key("a1"), 0)
    assert dispatcher.counts.leases == 0


def test_a_lost_host_says_what_had_started_and_frees_its_leases() -> None:
    dispatcher = make(1, hosts=1)
    warm(dispatcher, ONE, 0.01)
    add_all(dispatcher, jobs("a", 3), 0.01)
    dispatcher.poll(0.01)
    dispatcher.on_started(key("a0"), 0.01)
    assert dispatcher.on_host_lost("h0", 1) == ([key("a0")], [key("a1"), key("a2")])
    assert dispatcher.on_host_lost("h0", 1) == ([], [])
    add_all(dispatcher, [Ready(("a0", 2), ONE, alone=True), *jobs("a", 3)[1:]], 1)
    assert dispatcher.poll(1) == [StartHost(1), StartHost(1, alone=True)]
    dispatcher.on_finished(key("a0"), 1)
    dispatcher.on_host("h1", 2)
    dispatcher.on_host("h2", 2)
    actions = dispatcher.poll(2)
    assert [(a.host, a.key) for a in actions if isinstance(a, HandOut)] == [("h1", ("a0", 2))]
    dispatcher.on_finished(("a0", 2), 3)
    actions = dispatcher.poll(3)
    assert actions[0] == RetireHost("h1")
    assert {a.host for a in actions if isinstance(a, HandOut)} == {"h2"}


def test_a_fresh_host_that_nobody_needs_any_more_serves_all() -> None:
    dispatcher = Dispatcher(Ledger(Pools(2, 0, False, {})), max_hosts=1, slots=2, fixed_host=None)
    dispatcher.add(Ready(("a", 2), ONE, alone=True), 0)
    assert dispatcher.poll(0) == [StartHost(1, alone=True)]
    dispatcher.on_host("h0", 0)
    dispatcher.cancel(("a", 2), 0)
    dispatcher.add(Ready(("b", 1), ONE), 0)
    assert handed(dispatcher.poll(0)) == ["b"]


@pytest.mark.parametrize("prefetch", [True, False])
def test_only_a_dispatcher_that_may_hands_out_more_than_can_start(prefetch: bool) -> None:
    pools = Pools(2, 0, False, {})
    dispatcher = Dispatcher(Ledger(pools), max_hosts=1, slots=2, fixed_host="inline", prefetch=prefetch)
    now = warm(dispatcher, ONE, 0.001)
    for job in jobs("j", 9):
        dispatcher.add(job, now)
    assert (len(handed(dispatcher.poll(now))) > 2) == prefetch


def test_an_inline_host_serves_also_what_would_be_alone() -> None:
    dispatcher = make(1, fixed=True)
    dispatcher.add(Ready(("a", 2), ONE, alone=True), 0)
    assert dispatcher.poll(0) == [HandOut("inline", 1, 1, ("a", 2))]


def test_tier_daemons_get_leases_by_priority_and_in_turn() -> None:
    dispatcher = make(4, fixed=True)
    dispatcher.on_lease_request("t1", [request(ONE, 9)], 0)
    dispatcher.on_lease_request("t2", [request(ONE, 9)], 0)
    grants = {a.host: a.leases for a in dispatcher.poll(0) if isinstance(a, Grant)}
    assert {host: len(leases) for host, leases in grants.items()} == {"t1": 2, "t2": 2}
    assert grants["t1"][0].demand == common_pb2.Demand(cores=1)
    assert grants["t1"][0].cores == 1
    dispatcher.on_lease_request("t2", [request(ONE, 9, priority=3)], 1)
    dispatcher.on_leases_returned("t1", [lease.id for lease in grants["t1"]], 1)
    (grant,) = dispatcher.poll(1)
    assert isinstance(grant, Grant)
    assert (grant.host, len(grant.leases)) == ("t2", 2)
    dispatcher.on_tier_host_lost("t2", 2)
    (grant,) = dispatcher.poll(2)
    assert isinstance(grant, Grant)
    assert (grant.host, len(grant.leases)) == ("t1", 4)


def test_the_newest_wishes_replace_those_before() -> None:
    dispatcher = make(4, fixed=True)
    dispatcher.on_lease_request("t", [request(ONE, 4)], 0)
    dispatcher.on_lease_request("t", [request(DemandKey(2), 1)], 0)
    (grant,) = dispatcher.poll(0)
    assert isinstance(grant, Grant)
    assert [lease.cores for lease in grant.leases] == [2]
    dispatcher.on_leases_returned("t", [99, grant.leases[0].id, grant.leases[0].id], 0)
    assert dispatcher.counts.leases == 0


def test_after_a_stop_nothing_new_starts() -> None:
    dispatcher = make(1, fixed=True)
    warm(dispatcher, ONE, 0.02)
    add_all(dispatcher, jobs("a", 6), 0.02)
    dispatcher.poll(0.02)
    dispatcher.on_lease_request("t", [request(ONE, 1)], 0.02)
    assert dispatcher.stop() == [key("a3"), key("a4"), key("a5")]
    assert dispatcher.poll(0.02) == [Recall("inline", (2,))]
    assert dispatcher.on_recalled([key("a1"), key("a2")], 0.03) == [key("a1"), key("a2")]
    finish(dispatcher, "a0", 0.04)
    assert dispatcher.poll(0.04) == []
    assert dispatcher.wake_at() is None
    assert dispatcher.counts.leases == 0
    with pytest.raises(ValueError, match="added after the stop"):
        dispatcher.add(Ready(("b", 1), ONE), 1)


def test_a_demand_that_can_never_be_met_is_refused() -> None:
    with pytest.raises(GatorError, match="license ToolA: 3 wanted"):
        make(1, fixed=True, ToolA=2).add(Ready(("a", 1), DemandKey(1, 0, (("ToolA", 3),))), 0)


def test_messages_about_unknown_jobs_are_ignored() -> None:
    dispatcher = make(1, fixed=True)
    dispatcher.on_started(key("x"), 0)
    dispatcher.on_finished(key("x"), 0)
    assert dispatcher.on_recalled([key("x")], 0) == []
    dispatcher.on_leases_returned("unknown", [1], 0)


def test_a_start_looks_at_few_of_many_demands_that_do_not_fit() -> None:
    dispatcher = make(2, fixed=True, memory=100)
    dispatcher.add(Ready(("holder", 1), DemandKey(1, 99), 9), 0)
    dispatcher.poll(0)
    add_all(
        dispatcher,
        [Ready((f"m{at}", 1), DemandKey(1, 2 + at % 90, (("L", 1 + at // 90),)), 0, at) for at in range(900)],
        0,
    )
    assert handed(dispatcher.poll(0)) == []
    dispatcher.add(Ready(("free", 1), DemandKey(1, 1)), 0)
    assert handed(dispatcher.poll(0)) == ["free"]
    finish(dispatcher, "holder", 1)
    finish(dispatcher, "free", 1)
    assert handed(dispatcher.poll(1)) == ["m0", "m1"]


def test_a_full_host_takes_the_next_job_when_one_ends_while_others_still_start() -> None:
    dispatcher = Dispatcher(Ledger(Pools(40, 0, False, {})), max_hosts=3, slots=40, fixed_host=None)
    add_all(dispatcher, jobs("a", 40), 0)
    dispatcher.poll(0)
    dispatcher.on_host("h0", 0)
    dispatcher.poll(0)
    finish(dispatcher, "a3", 1)
    assert handed(dispatcher.poll(1)) == ["a16"]
