"""Any tree whose tier daemons die at any time: finished attempts count, started ones are lost."""

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import event as note
from hypothesis import strategies as st

from gator.core.tree import actions as act
from gator.core.tree.close import cancelled
from gator.core.tree.outcomes.restored import Past
from gator.core.tree.tree import Tree
from gator.node_paths import is_below
from gator.plan import make_plan
from gator.testing.world import Daemon, Key, World, array, group, job, order, request
from gator.v1 import attach_pb2, common_pb2, event_pb2
from tests.properties import examples
from tests.unit.core.tree.test_tree_properties import attempt, check_tallies, found
from tests.unit.core.tree.tree_oracle import Oracle
from tests.unit.core.tree.tree_strategies import Case, cases

SETTINGS = examples(60, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class MortalWorld(World):
    """A world in which daemons with tiers can be killed."""

    deaths: list[Key] = field(default_factory=list[Key])
    """The attempts that were lost so."""

    def kill(self, number: int) -> None:
        """Kill a daemon; its store is read to its end before anything else is done."""
        daemon = self._hosted[number]
        while daemon.events:
            self._deliver_event(daemon)
        self._end_attempts(daemon)
        daemon.tree = Tree(make_plan(self.request))
        daemon.orders.clear()
        now = self.clock.now()
        for path in [path for path, place in self._places.items() if place is daemon]:
            self.tree.remotes.lose(path)
            stop = self.tree.remotes.ending(path)
            if stop is not None:
                self.tree.close_remote(path, self._past(path), cancelled(stop), now)
            else:
                self.tree.reopen(path, ("the one before",), now)
        self._act()

    def close(self, path: str) -> None:
        """Give a tier up whose daemon is dead."""
        daemon = self._places[path]
        self.kill(self._hosted.index(daemon))
        daemon.orders.clear()
        stop = attach_pb2.Stop(reason=common_pb2.REASON_LOST, message="given up")
        self.tree.close_remote(path, self._past(path), cancelled(stop), self.clock.now())

    def _end_attempts(self, daemon: Daemon) -> None:
        now = self.clock.monotonic()
        for key in [key for key, tree in self._owner.items() if tree is daemon.tree]:
            del self._owner[key]
            self.dispatch.cancel(key, now)
            self.dispatch.on_finished(key, now)
            for keys in self._leases.values():
                if key in keys:
                    keys.remove(key)
                    if key in self._begun:
                        self.deaths.append(key)

    def _past(self, path: str) -> Past:
        past = Past()
        for event in self.events:
            if is_below(event.path, path):
                copy = event_pb2.Event()
                copy.CopyFrom(event)
                past.add(copy, "before")
        return past

    def _deliver_order(self, daemon: Daemon) -> None:
        first = daemon.orders[0]
        if not isinstance(first, act.OpenTier) or not first.before:
            super()._deliver_order(daemon)
            return
        daemon.orders.popleft()
        past = self._past(first.path)
        daemon.tree.open(first.path, first.released, self.clock.now(), past)
        self._act()


def mortal(case: Case) -> MortalWorld:
    """A world with every group or array below the root in one of two daemons."""
    plan = make_plan(case.request)
    remote = frozenset(child.template for child in plan.root.children if child.children)
    random = Random(case.seed)
    return MortalWorld(
        case.request,
        lambda path, number: common_pb2.Outcome.Value(f"OUTCOME_{attempt(case.seed, path, number)}"),
        random.randrange,
        cores=case.cores,
        starts=case.starts,
        remote=remote,
        daemons=2,
    )


def oracle_of(world: MortalWorld, case: Case) -> Oracle:
    """The oracle is told which attempts were killed."""

    def outcome(path: str, number: int) -> str:
        return "LOST" if (path, number) in world.deaths else attempt(case.seed, path, number)

    return Oracle(world.plan, outcome)


kills = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 1)), min_size=1, max_size=5).map(sorted)


@SETTINGS
@given(cases(), kills)
def test_a_tree_ends_as_the_tables_say_whenever_daemons_die(case: Case, dying: list[tuple[int, int]]) -> None:
    world = mortal(case)
    steps = 0

    def on_step(world: World) -> None:
        nonlocal steps
        steps += 1
        while dying and dying[0][0] <= steps and world.remote:
            assert isinstance(world, MortalWorld)
            world.kill(dying.pop(0)[1])

    world.on_step = on_step
    world.run()
    oracle = oracle_of(world, case)
    assert found(world) == oracle.outcomes
    check_tallies(world, oracle)
    for path, one in oracle.instances.items():
        if one.node.job is not None and oracle.closing(one) is None:
            started = [number for what, job, number in world.steps if (what, job) == ("started", path)]
            assert started == list(range(1, len(oracle.attempts(path)) + 1))
    note(f"{len(world.deaths)} attempts lost")


@SETTINGS
@given(cases(limits=True, stops=True), kills)
def test_every_node_has_its_result_when_daemons_die_beside_stops_and_limits(
    case: Case, dying: list[tuple[int, int]]
) -> None:
    world = mortal(case)
    due = sorted(case.stops)
    steps = 0

    def on_step(world: World) -> None:
        nonlocal steps
        steps += 1
        while due and due[0][0] <= steps:
            world.stop(*due.pop(0)[1:])
        while dying and dying[0][0] <= steps and world.remote:
            assert isinstance(world, MortalWorld)
            world.kill(dying.pop(0)[1])

    world.on_step = on_step
    world.run()
    check_tallies(world, oracle_of(world, case))


def test_a_tier_that_is_given_up_is_closed_with_what_was_never_declared() -> None:
    spec = group(
        "top",
        group(
            "work",
            job("first"),
            array("many", 3, job("run"), waits=order(on_pass=["first"])),
            job("last", order(on_pass=["many"])),
        ),
        job("rescue", order(on_fail=["work"])),
    )
    world = MortalWorld(request(spec), starts=True, remote=frozenset({"top/work"}), cores=1)
    done = False

    def on_step(_: World) -> None:
        nonlocal done
        if not done and "top/work/first" in world.results() and world.running:
            done = True
            world.close("top/work")

    world.on_step = on_step
    assert world.run().outcome == common_pb2.OUTCOME_LOST
    outcomes = world.outcomes()
    assert outcomes.pop("top/work/first") == outcomes.pop("top/rescue") == "PASSED"
    assert set(outcomes.values()) == {"LOST"}
    assert len(outcomes) == 7
    tally = world.tree.tally
    assert (tally.passed, tally.lost, tally.waiting, tally.running) == (2, 4, 0, 0)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_was_lost_with_its_daemon_is_tried_again_as_often_as_may_be(lost: int) -> None:
    spec = group("top", group("work", job("a"), job("b", order(on_done=["a"]))))
    spec.group.jobs[0].group.jobs[0].job.settings.retries.lost = lost
    world = MortalWorld(request(spec), starts=True, remote=frozenset({"top/work"}))

    def on_step(_: World) -> None:
        if len(world.deaths) < 2 and any(key in world._begun for key in world.running):  # pyright: ignore[reportPrivateUsage]
            world.kill(0)

    world.on_step = on_step
    world.run()
    results = world.results()
    assert results["top/work/a"].outcome == (
        common_pb2.OUTCOME_PASSED if lost == 2 else common_pb2.OUTCOME_LOST
    )
    assert results["top/work/a"].attempts == (3 if lost == 2 else lost + 1)
    assert results["top/work/b"].outcome == common_pb2.OUTCOME_PASSED
