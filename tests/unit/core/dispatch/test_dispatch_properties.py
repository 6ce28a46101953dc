"""The dispatcher under random orders of events, against a world of hosts that is played honestly."""

from collections import deque
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gator.core.dispatch.actions import (
    Action,
    Cancelled,
    Grant,
    HandOut,
    Key,
    Ready,
    Recall,
    RetireHost,
    StartHost,
)
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey, Pools
from gator.v1 import attach_pb2
from tests.properties import examples

POOLS = Pools(4, 10, False, {"a": 2})
DEMANDS = (
    DemandKey(1),
    DemandKey(2),
    DemandKey(4),
    DemandKey(9),
    DemandKey(0),
    DemandKey(1, 6),
    DemandKey(1, 30),
    DemandKey(1, 0, (("a", 1),)),
    DemandKey(2, 3, (("a", 2),)),
)


@dataclass
class Holding:
    """A lease as its host sees it."""

    host: str
    demand: DemandKey
    keys: deque[Key] = field(default_factory=deque[Key])
    started: bool = False


@dataclass
class World:
    """Hosts, leases and attempts as they would be; checks every action against them."""

    fixed: bool
    bridged: bool = False
    """Whether the root's own process takes attempts until the first host is up."""
    ledger: Ledger = field(default_factory=lambda: Ledger(POOLS))
    now: float = 0.0
    items: dict[Key, Ready] = field(default_factory=dict[Key, Ready])
    queued: set[Key] = field(default_factory=set[Key])
    ended: set[Key] = field(default_factory=set[Key])
    holdings: dict[int, Holding] = field(default_factory=dict[int, Holding])
    grants: dict[int, Holding] = field(default_factory=dict[int, Holding])
    recalls: deque[Recall] = field(default_factory=deque[Recall])
    hosts: set[str] = field(default_factory=set[str])
    starting: int = 0
    came_up: bool = False
    """Whether a host for shared work was ever up."""
    names: int = 0

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            self.ledger,
            max_hosts=2,
            slots=4,
            fixed_host="inline" if self.fixed else None,
            bridge="inline" if self.bridged and not self.fixed else None,
        )
        if self.fixed:
            self.hosts.add("inline")

    def add(self, item: Ready) -> None:
        self.items[item.key] = item
        self.queued.add(item.key)
        self.dispatcher.add(item, self.now)

    def add_new(self, number: int) -> None:
        self.names += 1
        demand = DEMANDS[number % len(DEMANDS)]
        self.add(Ready((f"j{self.names}", 1), demand, number % 3, self.names, number % 11 == 0))

    def poll(self) -> None:
        for action in self.dispatcher.poll(self.now):
            self.play(action)
        self.check()

    def play(self, action: Action) -> None:
        match action:
            case HandOut(host, lease, _, key):
                assert host in self.hosts or (host == "inline" and self.bridged and not self.came_up)
                assert key in self.queued, "handed out while it is out, or after its end"
                self.queued.remove(key)
                self.came_up = self.came_up or (host != "inline" and not self.items[key].alone)
                demand = self.items[key].demand
                holding = self.holdings.setdefault(lease, Holding(host, demand))
                assert (holding.host, holding.demand) == (host, demand)
                holding.keys.append(key)
            case Recall():
                self.recalls.append(action)
            case StartHost(count):
                self.starting += count
            case RetireHost(host):
                assert not any(holding.host == host for holding in self.holdings.values())
                self.hosts.remove(host)
            case Grant(host, leases):
                for lease in leases:
                    self.grants[lease.id] = Holding(host, DemandKey.of(lease.demand))
            case _:
                pass

    def check(self) -> None:
        used = [0] * len(self.ledger.size)
        for holding in (*self.holdings.values(), *self.grants.values()):
            for pool, amount in self.ledger.need(holding.demand).amounts:
                used[pool] += amount
            assert len(holding.keys) <= 33
        assert all(amount <= size for amount, size in zip(used, self.ledger.size, strict=True))
        assert [size - amount for amount, size in zip(used, self.ledger.size, strict=True)] == list(
            self.ledger.free
        )
        counts = self.dispatcher.counts
        assert counts.queued == len(self.queued)
        assert counts.leases == len(self.holdings) + len(self.grants)
        assert counts.prefetched + counts.running == sum(len(each.keys) for each in self.holdings.values())

    def start(self, number: int) -> None:
        waiting = [holding for holding in self.holdings.values() if not holding.started]
        if waiting:
            holding = waiting[number % len(waiting)]
            holding.started = True
            self.dispatcher.on_started(holding.keys[0], self.now)

    def finish(self, number: int) -> None:
        if self.holdings:
            lease = list(self.holdings)[number % len(self.holdings)]
            self._take(lease)

    def _take(self, lease: int) -> None:
        holding = self.holdings[lease]
        key = holding.keys.popleft()
        holding.started = False
        if not holding.keys:
            del self.holdings[lease]
        self.ended.add(key)
        self.dispatcher.on_finished(key, self.now)

    def answer_recall(self) -> None:
        if not self.recalls:
            return
        recall = self.recalls.popleft()
        back: list[Key] = []
        for lease in recall.lease_ids:
            holding = self.holdings.get(lease)
            if holding is None or holding.host != recall.host:
                continue
            kept = [holding.keys.popleft()] if holding.started else []
            back += holding.keys
            holding.keys = deque(kept)
            if not kept:
                del self.holdings[lease]
        dropped = self.dispatcher.on_recalled(back, self.now)
        self.ended.update(dropped)
        self.queued.update(set(back) - set(dropped))

    def cancel(self, number: int) -> None:
        if not self.items:
            return
        key = list(self.items)[number % len(self.items)]
        match self.dispatcher.cancel(key, self.now):
            case Cancelled.QUEUED:
                self.queued.remove(key)
                self.ended.add(key)
            case Cancelled.UNKNOWN:
                assert key in self.ended
            case _:
                assert any(key in holding.keys for holding in self.holdings.values())

    def come_up(self, number: int) -> None:
        if self.starting:
            self.starting -= 1
            if number % 5 == 0:
                self.dispatcher.on_host_start_failed(self.now)
                return
            self.names += 1
            self.hosts.add(f"h{self.names}")
            self.dispatcher.on_host(f"h{self.names}", self.now)

    def lose_host(self, number: int) -> None:
        if self.fixed or not self.hosts:
            return
        host = sorted(self.hosts)[number % len(self.hosts)]
        self.hosts.remove(host)
        held = {lease: holding for lease, holding in self.holdings.items() if holding.host == host}
        started, unstarted = self.dispatcher.on_host_lost(host, self.now)
        assert set(started) == {holding.keys[0] for holding in held.values() if holding.started}
        assert {*started, *unstarted} == {key for holding in held.values() for key in holding.keys}
        for lease in held:
            del self.holdings[lease]
        for key in started:
            self.ended.add(key)
            path, attempt = key
            self.add(self.items[key]._replace(key=(path, attempt + 1), alone=True))
        for key in unstarted:
            self.add(self.items[key])

    def request(self, number: int) -> None:
        demands = [DEMANDS[(number + at) % len(DEMANDS)] for at in range(number % 4)]
        requested = [
            attach_pb2.RequestedLeases(demand=d.message(), count=number % 3, priority=number % 2)
            for d in demands
        ]
        self.dispatcher.on_lease_request(f"t{number % 2}", requested, self.now)

    def give_back(self, number: int) -> None:
        if self.grants:
            lease = list(self.grants)[number % len(self.grants)]
            holding = self.grants.pop(lease)
            self.dispatcher.on_leases_returned(holding.host, [lease], self.now)

    def lose_tier(self, number: int) -> None:
        host = f"t{number % 2}"
        self.grants = {at: holding for at, holding in self.grants.items() if holding.host != host}
        self.dispatcher.on_tier_host_lost(host, self.now)

    def step(self, what: str, number: int) -> None:
        match what:
            case "wait":
                self.now += (0, 0.001, 0.2, 31)[number % 4]
            case "poll":
                self.poll()
            case "recall":
                self.answer_recall()
            case _:
                getattr(self, what)(number)

    def drain(self) -> None:
        """Let everything end; nothing may be forgotten on the way."""
        for host in ("t0", "t1"):
            self.lose_tier(int(host[1]))
        for _ in range(20 * len(self.items) + 20):
            self.poll()
            if len(self.ended) == len(self.items) and not self.holdings:
                return
            self.now += 0.01
            self.come_up(1)
            self.answer_recall()
            self.start(0)
            self.finish(0)
        pytest.fail(f"never ended: {set(self.items) - self.ended}")


STEPS = (
    *("add_new",) * 6,
    *("poll", "start", "finish", "come_up", "wait") * 3,
    *("cancel", "recall", "request", "give_back", "lose_host", "lose_tier"),
)


@examples(150)
@given(
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 999)), max_size=120),
)
@example(
    False,
    False,
    [("add_new", 0), ("poll", 0), ("come_up", 1), ("poll", 0), ("finish", 0), ("lose_host", 0)],
)
def test_nothing_is_over_committed_handed_out_twice_or_forgotten(
    fixed: bool, bridged: bool, steps: list[tuple[str, int]]
) -> None:
    world = World(fixed, bridged)
    for what, number in steps:
        world.step(what, number)
    world.drain()
    assert list(world.ledger.free) == list(world.ledger.size)
    assert world.dispatcher.counts.leases == 0


@examples(50)
@given(st.booleans(), st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 999)), max_size=60))
def test_a_stop_gives_everything_back_that_has_not_started(fixed: bool, steps: list[tuple[str, int]]) -> None:
    world = World(fixed)
    for what, number in steps:
        world.step(what, number)
    queued = world.dispatcher.stop()
    assert set(queued) == world.queued
    world.ended |= world.queued
    world.queued.clear()
    world.drain()


@examples(50)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_with_one_slot_the_first_by_weight_and_order_is_next(specs: list[tuple[int, int, int]]) -> None:
    dispatcher = Dispatcher(Ledger(Pools(1, 100, False, {})), max_hosts=1, slots=1, fixed_host="inline")
    ready: list[tuple[int, int, int]] = []
    now, added = 0.0, 0
    while added < len(specs) or ready:
        for memory, weight, count in specs[added : added + 2]:
            dispatcher.add(Ready((str(added), 1), DemandKey(1, memory), weight, count), now)
            ready.append((-weight, count, added))
            added += 1
        ready.sort()
        (out,) = (action for action in dispatcher.poll(now) if isinstance(action, HandOut))
        assert out.key[0] == str(ready.pop(0)[2])
        now += 0.1
        dispatcher.on_finished(out.key, now)


@examples(30)
@given(
    st.sampled_from([0.001, 0.01, 1.0]),
    st.sampled_from([DemandKey(4), DemandKey(3, 8), DemandKey(2, 0, (("a", 2),))]),
    st.lists(st.sampled_from([DemandKey(1), DemandKey(1, 3), DemandKey(1, 0, (("a", 1),))]), min_size=1),
    st.randoms(use_true_random=False),
)
def test_a_big_job_starts_although_small_ones_never_end(
    seconds: float, big: DemandKey, small: list[DemandKey], random: Random
) -> None:
    world = World(fixed=True)
    for _ in range(8):
        world.names += 1
        world.add(Ready((f"s{world.names}", 1), small[world.names % len(small)], 1, world.names))
    world.poll()
    world.add(Ready(("big", 1), big, 1, 0))
    for _ in range(600):
        if ("big", 1) not in world.queued:
            return
        while len(world.queued) < 60:
            world.names += 1
            world.add(Ready((f"s{world.names}", 1), small[world.names % len(small)], 1, world.names))
        world.now += seconds
        world.finish(random.randrange(100))
        world.poll()
        world.answer_recall()
    pytest.fail("the big job never started")
