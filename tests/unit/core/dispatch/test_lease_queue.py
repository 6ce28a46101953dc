"""Ready attempts of tier daemons, and the leases of a real dispatcher under which they start."""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gator.core.dispatch.actions import Cancelled, HandOut, Key, Ready
from gator.core.dispatch.dispatcher import Dispatcher, Grant
from gator.core.dispatch.lease_queue import MAX_REQUESTED, LeaseQueue, RequestLeases, Return
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey, Pools
from gator.v1 import attach_pb2
from tests.properties import examples

ONE, TWO = DemandKey(1), DemandKey(2)


def item(
    path: str, demand: DemandKey = ONE, *, weight: int = 0, order: int = 0, alone: bool = False
) -> Ready:
    return Ready((path, 1), demand, weight, order, alone)


def lease(number: int, demand: DemandKey = ONE) -> attach_pb2.Lease:
    return attach_pb2.Lease(id=number, demand=demand.message(), cores=demand.cores)


def handed(actions: list[HandOut | RequestLeases | Return]) -> list[str]:
    return [action.key[0] for action in actions if isinstance(action, HandOut)]


def requested(actions: list[HandOut | RequestLeases | Return]) -> list[tuple[int, int, int]] | None:
    """Cores, count and weight of the last request; None when there is none."""
    requested = [action for action in actions if isinstance(action, RequestLeases)]
    if not requested:
        return None
    return [(request.demand.cores, request.count, request.priority) for request in requested[-1].requested]


def returned(actions: list[HandOut | RequestLeases | Return]) -> list[int]:
    return [number for action in actions if isinstance(action, Return) for number in action.leases]


def test_what_is_ready_is_wished_for_and_starts_with_a_lease():
    queue = LeaseQueue("here")
    queue.add(item("a"), 0)
    queue.add(item("b", weight=3), 0)
    queue.add(item("c", TWO), 0)
    actions = queue.poll(0)
    assert requested(actions) == [(1, 2, 3), (2, 1, 0)]
    assert not handed(actions)
    assert queue.poll(0) == []
    queue.on_grant([lease(1)])
    actions = queue.poll(0)
    assert actions[0] == HandOut("here", 1, 1, ("b", 1))
    assert requested(actions) == [(1, 1, 0), (2, 1, 0)]


def test_larger_weights_start_first_then_the_order_of_the_text():
    queue = LeaseQueue("here")
    for path, weight, order in (("late", 0, 2), ("early", 0, 1), ("urgent", 5, 3)):
        queue.add(item(path, weight=weight, order=order), 0)
    queue.on_grant([lease(1), lease(2), lease(3)])
    assert handed(queue.poll(0)) == ["urgent", "early", "late"]


def test_a_lease_runs_one_attempt_after_another_and_is_returned_at_the_end():
    queue = LeaseQueue("here")
    queue.add(item("a"), 0)
    queue.add(item("b"), 0)
    queue.on_grant([lease(7)])
    assert handed(queue.poll(0)) == ["a"]
    queue.on_finished(("a", 1), 1)
    actions = queue.poll(1)
    assert handed(actions) == ["b"]
    assert returned(actions) == []
    queue.on_finished(("b", 1), 2)
    actions = queue.poll(2)
    assert returned(actions) == [7]
    assert queue.poll(3) == []


def test_a_lease_that_comes_too_late_is_returned():
    queue = LeaseQueue("here")
    queue.add(item("a"), 0)
    queue.poll(0)
    assert queue.cancel(("a", 1), 0) is Cancelled.QUEUED
    queue.on_grant([lease(1)])
    actions = queue.poll(1)
    assert returned(actions) == [1]
    assert not handed(actions)


def test_a_wish_is_taken_back_with_what_was_cancelled():
    queue = LeaseQueue("here")
    queue.add(item("a"), 0)
    assert requested(queue.poll(0)) == [(1, 1, 0)]
    queue.cancel(("a", 1), 0)
    assert requested(queue.poll(0)) == []


def test_the_weight_of_a_wish_is_that_of_what_is_still_there():
    queue = LeaseQueue("here")
    queue.add(item("urgent", weight=9), 0)
    queue.add(item("plain"), 0)
    queue.cancel(("urgent", 1), 0)
    assert requested(queue.poll(0)) == [(1, 1, 0)]


def test_where_an_attempt_was_when_it_was_cancelled():
    queue = LeaseQueue("here")
    queue.add(item("a"), 0)
    queue.on_grant([lease(1)])
    queue.poll(0)
    assert queue.cancel(("a", 1), 0) is Cancelled.RUNNING
    queue.on_finished(("a", 1), 0)
    assert queue.cancel(("a", 1), 0) is Cancelled.UNKNOWN


def test_a_wish_does_not_change_with_every_job_of_many():
    queue = LeaseQueue("here")
    for number in range(1000):
        queue.add(item(f"j{number}"), 0)
    assert requested(queue.poll(0)) == [(1, MAX_REQUESTED, 0)]
    queue.on_grant([lease(1)])
    queue.poll(0)
    queue.on_finished(("j0", 1), 0)
    actions = queue.poll(0)
    assert handed(actions) == ["j1"]
    assert requested(actions) is None


def test_an_attempt_after_a_lost_one_runs_with_nothing_beside_it():
    queue = LeaseQueue("here")
    queue.add(item("before"), 0)
    queue.on_grant([lease(1), lease(2)])
    assert handed(queue.poll(0)) == ["before"]
    queue.add(item("lost", alone=True), 0)
    queue.add(item("plain"), 0)
    queue.on_grant([lease(3)])
    actions = queue.poll(0)
    assert handed(actions) == []
    assert returned(actions) == [3]
    queue.on_finished(("before", 1), 1)
    assert handed(queue.poll(1)) == ["lost"]
    queue.on_grant([lease(4)])
    assert returned(queue.poll(1)) == [4]
    queue.on_finished(("lost", 1), 2)
    assert handed(queue.poll(2)) == ["plain"]


def test_what_waits_to_be_alone_can_be_cancelled():
    queue = LeaseQueue("here")
    queue.add(item("first", alone=True), 0)
    queue.add(item("second", alone=True), 0)
    queue.add(item("plain"), 0)
    assert requested(queue.poll(0)) == [(1, 1, 0)]
    assert queue.cancel(("first", 1), 0) is Cancelled.QUEUED
    assert queue.cancel(("second", 1), 0) is Cancelled.QUEUED
    queue.on_grant([lease(1)])
    assert handed(queue.poll(0)) == ["plain"]


# -- two queues and a real dispatcher, with messages under way


@dataclass
class Daemon:
    """A queue, and what is under way between it and the root."""

    queue: LeaseQueue
    up: deque[RequestLeases | Return] = field(default_factory=deque[RequestLeases | Return])
    down: deque[tuple[attach_pb2.Lease, ...]] = field(default_factory=deque[tuple[attach_pb2.Lease, ...]])
    running: dict[Key, int] = field(default_factory=dict[Key, int])
    alone: set[Key] = field(default_factory=set[Key])
    ran: list[Key] = field(default_factory=list[Key])


class Run:
    """Runs random operations, and checks the invariants after each."""

    def __init__(self, random: Random, cores: int) -> None:
        self.random, self.cores = random, cores
        self.root = Dispatcher(
            Ledger(Pools(cores, 0, False, {"sim": 1})), max_hosts=1, slots=cores, fixed_host=None
        )
        self.daemons = {name: Daemon(LeaseQueue("here")) for name in ("t1", "t2")}
        self.used: dict[int, tuple[str, DemandKey]] = {}
        """Leases that were granted and have not come back, with the daemon and what each holds."""
        self.now = 0.0

    def settle(self) -> None:
        """Carries out the current actions of the root and the daemons."""
        for action in self.root.poll(self.now):
            if isinstance(action, Grant):
                for one in action.leases:
                    assert one.id not in self.used
                    self.used[one.id] = (action.host, DemandKey.of(one.demand))
                self.daemons[action.host].down.append(action.leases)
        held = [demand for _, demand in self.used.values()]
        assert sum(min(demand.cores, self.cores) for demand in held) <= self.cores
        assert sum(dict(demand.licenses).get("sim", 0) for demand in held) <= 1
        for name, daemon in self.daemons.items():
            for action in daemon.queue.poll(self.now):
                if isinstance(action, HandOut):
                    assert self.used[action.lease_id][0] == name
                    assert action.lease_id not in daemon.running.values()
                    daemon.running[action.key] = action.lease_id
                    daemon.ran.append(action.key)
                else:
                    daemon.up.append(action)
            if daemon.alone & set(daemon.running):
                assert len(daemon.running) == 1

    def possible(self) -> list[tuple[str, Daemon]]:
        steps: list[tuple[str, Daemon]] = []
        for daemon in self.daemons.values():
            steps += [("up", daemon)] if daemon.up else []
            steps += [("down", daemon)] if daemon.down else []
            steps += [("end", daemon)] if daemon.running else []
        return steps

    def step(self, what: str, daemon: Daemon) -> None:
        self.now += 1
        name = next(name for name, one in self.daemons.items() if one is daemon)
        if what == "down":
            daemon.queue.on_grant(daemon.down.popleft())
        elif what == "end":
            key = self.random.choice(list(daemon.running))
            del daemon.running[key]
            daemon.queue.on_finished(key, self.now)
        else:
            match daemon.up.popleft():
                case RequestLeases(requested):
                    self.root.on_lease_request(name, requested, self.now)
                case Return(leases):
                    for number in leases:
                        del self.used[number]
                    self.root.on_leases_returned(name, leases, self.now)


DEMANDS = (ONE, TWO, DemandKey(1, 0, (("sim", 1),)), DemandKey(0), DemandKey(99))


@examples(150)
@given(st.randoms(use_true_random=False), st.integers(1, 4), st.integers(1, 30))
def test_whatever_happens_nothing_is_over_committed_and_every_lease_comes_back(
    random: Random, cores: int, jobs: int
):
    run = Run(random, cores)
    waiting = [(random.choice(["t1", "t2"]), number) for number in range(jobs)]
    dropped: set[Key] = set()
    expected: set[Key] = set()
    while True:
        run.settle()
        possible = run.possible()
        if waiting and (not possible or random.random() < 0.3):
            name, number = waiting.pop()
            daemon = run.daemons[name]
            ready = Ready(
                (f"j{number}", 1), random.choice(DEMANDS), random.randrange(3), number, number % 7 == 0
            )
            expected.add(ready.key)
            if ready.alone:
                daemon.alone.add(ready.key)
            daemon.queue.add(ready, run.now)
            if random.random() < 0.2 and daemon.queue.cancel(ready.key, run.now) is Cancelled.QUEUED:
                dropped.add(ready.key)
        elif possible:
            run.step(*random.choice(possible))
        else:
            break
    ran = [key for daemon in run.daemons.values() for key in daemon.ran]
    assert sorted(ran) == sorted(expected - dropped), "each starts exactly once, but for what was cancelled"
    assert not run.used, "every lease is back"
    assert run.root.counts.leases == 0
