"""Any tree with any results, in any order: always what the slow oracle says, and nothing hangs."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, event, given

from gator.core.tree import tier
from gator.node_paths import is_below
from gator.testing.world import Canon, World, array, group, job, order, request
from gator.v1 import common_pb2, spec_pb2
from tests.properties import examples
from tests.unit.core.tree.tree_oracle import CANCELLED, LOST, UNNEEDED, Oracle
from tests.unit.core.tree.tree_strategies import Case, cases

TALLY = {"passed": "PASSED", "failed": "FAILED", "pruned": "PRUNED", "cancelled": CANCELLED, "lost": LOST}
SETTINGS = examples(
    40,
    suppress_health_check=[HealthCheck.too_slow],
)


def attempt(seed: int, path: str, number: int) -> str:
    return Random(f"{seed} {path} {number}").choices(["PASSED", "FAILED", LOST], [6, 2, 2])[0]


@pytest.fixture(autouse=True, scope="module")
def narrow_windows() -> Iterator[None]:
    """Let only few repeats exist at a time, as in arrays that are larger than those here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tier, "WINDOW_JOBS", 2)
        patch.setattr(tier, "WINDOW_TIERS", 1)
        yield


def world_of(case: Case, *, order: int = 0, remote: frozenset[str] = frozenset(), daemons: int = 1) -> World:
    """A world in which ends come in an order that depends on a number."""
    random = Random(f"{case.seed} {order}")
    return World(
        case.request,
        lambda path, number: common_pb2.Outcome.Value(f"OUTCOME_{attempt(case.seed, path, number)}"),
        random.randrange,
        cores=case.cores,
        starts=case.starts,
        remote=remote,
        daemons=daemons,
    )


def oracle_of(world: World, case: Case, facts: dict[str, str] | None = None) -> Oracle:
    return Oracle(world.plan, lambda path, number: attempt(case.seed, path, number), facts)


def found(world: World) -> dict[str, str]:
    """Outcomes by path, with neutral prunes told apart."""
    return {
        path: UNNEEDED if result.reason == common_pb2.REASON_NOT_NEEDED else world.outcomes()[path]
        for path, result in world.results().items()
    }


def check_order(world: World, oracle: Oracle) -> None:
    """Make the world check that nothing is handed out before what it waits for has ended."""
    precede = {path: oracle.must_precede(path) for path in oracle.instances}

    def on_hand_out(world: World, path: str) -> None:
        ended = {event.path for event in world.events if event.HasField("result")}
        assert precede[path] <= ended, f"{path} is handed out too early"

    world.on_hand_out = on_hand_out


def check_tallies(world: World, oracle: Oracle) -> None:
    """Make sure that every Result counts the jobs below, and the tree all of them."""
    results = world.results()
    assert set(results) == set(oracle.instances)
    jobs = {path for path, one in oracle.instances.items() if one.node.job is not None}
    for path, result in results.items():
        below = [results[job].outcome for job in jobs if is_below(job, path)]
        for name, outcome in TALLY.items():
            number = below.count(common_pb2.Outcome.Value(f"OUTCOME_{outcome}"))
            assert getattr(result.jobs, name) == number, f"{name} of {path}"
    assert world.tree.tally == results[world.plan.root.ident].jobs
    assert world.tree.ended


@SETTINGS
@given(cases())
def test_any_tree_ends_as_the_tables_say_whatever_the_order_of_ends(case: Case):
    records: list[Canon] = []
    for world in (world_of(case, order=0), world_of(case, order=1)):
        oracle = oracle_of(world, case)
        check_order(world, oracle)
        world.run()
        assert found(world) == oracle.outcomes
        check_tallies(world, oracle)
        for path, one in oracle.instances.items():
            started = [number for what, job, number in world.steps if what == "started" and job == path]
            if one.node.job is not None:
                ends = oracle.attempts(path) if oracle.closing(one) is None else []
                assert started == list(range(1, len(ends) + 1))
                assert world.results()[path].attempts == len(ends)
        records.append(world.canonical())
        event(f"outcome {found(world)[world.plan.root.ident]}")
    assert records[0] == records[1]


@pytest.mark.parametrize(
    "children",
    [
        (
            group("lane", job("a"), job("b", order(on_pass=["other"]))),
            job("other", order(on_pass=["lane/a"])),
        ),
        (group("lane", job("a"), job("b", order(on_pass=["lane[2]/a"]))),),
        (
            group("lane", job("a"), job("b", order(on_pass=["way/c"]))),
            group("way", job("c"), job("d", order(on_pass=["lane/a"]))),
        ),
    ],
    ids=["by way of a node outside", "directly", "by way of another group that repeats"],
)
def test_repeats_that_wait_for_each_other_all_exist_at_once(children: tuple[spec_pb2.Spec, ...]):
    world = World(request(array("top", 5, *children)))
    assert world.run().outcome == common_pb2.OUTCOME_PASSED


@pytest.mark.parametrize("failing", [0, 1])
def test_a_handler_that_was_needed_in_one_repeat_only_has_passed(failing: int):
    lane = group("lane", job("a"), job("handler", order(on_fail=["a"])))
    spec = array("top", 2, lane, job("after", order(on_pass=["lane/handler"])))

    def outcome(path: str, attempt: int) -> common_pb2.Outcome.ValueType:
        return common_pb2.OUTCOME_FAILED if path == f"top/lane[{failing}]/a" else common_pb2.OUTCOME_PASSED

    world = World(request(spec), outcome)
    world.run()
    assert world.outcomes()["top/after[0]"] == "PASSED"


def test_repeats_that_wait_for_nothing_of_each_other_exist_few_at_a_time():
    lane = group("lane", job("a"), job("b", order(on_pass=["a", "setup"])))
    spec = array("top", 5, lane, job("setup"), job("report", order(on_pass=["lane/a"])))
    maximum = 0

    def on_step(world: World) -> None:
        nonlocal maximum
        declared = {event.path for event in world.events if event.HasField("declared")}
        maximum = max(
            maximum, sum(path.endswith("]") and "/lane[" in path for path in declared - set(ended(world)))
        )

    assert World(request(spec), on_step=on_step).run().outcome == common_pb2.OUTCOME_PASSED
    assert maximum == 1


def ended(world: World) -> list[str]:
    return [event.path for event in world.events if event.HasField("result")]


@SETTINGS
@given(cases(limits=True, stops=True))
def test_after_stops_and_limits_every_node_has_its_result_and_nothing_new_starts(case: Case):
    world = world_of(case)
    oracle = oracle_of(world, case)
    check_order(world, oracle)
    due = sorted(case.stops)
    stopped: list[str] = []
    steps = 0

    def on_step(world: World) -> None:
        nonlocal steps
        steps += 1
        while due and due[0][0] <= steps:
            _, path, mode = due.pop(0)
            if world.stop(path, mode):
                stopped.append(path or world.plan.root.ident)

    in_order = world.on_hand_out

    def on_hand_out(world: World, path: str) -> None:
        in_order(world, path)
        assert not any(is_below(path, top) for top in (*stopped, *full(world, oracle))), f"{path} starts"

    world.on_step, world.on_hand_out = on_step, on_hand_out
    world.run()
    actual = found(world)
    allowed = (*stopped, *full(world, oracle))
    for path, outcome in actual.items():
        if outcome == CANCELLED and oracle.instances[path].node.job is not None:
            assert any(is_below(path, top) for top in allowed), f"no order stopped {path}"
    assert actual == oracle_of(world, case, facts(world, oracle, actual, allowed)).outcomes
    check_tallies(world, oracle)
    event(f"stopped {bool(stopped)}, full {bool(full(world, oracle))}")


def full(world: World, oracle: Oracle) -> list[str]:
    """The nodes below which as many jobs failed as may."""
    failed = [
        event.path
        for event in world.events
        if event.HasField("result")
        and event.result.outcome in (common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST)
        and oracle.instances[event.path].node.job is not None
    ]
    return [
        path
        for path, one in oracle.instances.items()
        if one.node.max_fail and sum(is_below(job, path) for job in failed) >= one.node.max_fail
    ]


def facts(world: World, oracle: Oracle, actual: dict[str, str], tops: tuple[str, ...]) -> dict[str, str]:
    """What the oracle cannot know: what a stop or limit caught, and where it kept a job from a retry."""
    caught: dict[str, str] = {}
    for path, outcome in actual.items():
        node = oracle.instances[path].node
        below = any(is_below(path, top) for top in tops)
        if outcome == CANCELLED and not node.jobs:
            caught[path] = outcome
        elif node.job is not None and (outcome == CANCELLED or (outcome == LOST and below)):
            caught[path] = outcome
            assert outcome == CANCELLED or LOST in oracle.attempts(path)
    return caught


@SETTINGS
@given(cases())
def test_the_record_is_the_same_when_tiers_live_in_other_daemons(case: Case):
    together = world_of(case)
    together.run()
    random = Random(case.seed)
    tiers = [child.template for child in together.plan.root.children if child.children]
    remote = frozenset(template for template in tiers if random.random() < 0.7)
    apart = world_of(case, order=1, remote=remote, daemons=random.randint(1, 2))
    check_order(apart, oracle_of(apart, case))
    apart.run()
    assert apart.canonical() == together.canonical()
    check_tallies(apart, oracle_of(apart, case))
    event(f"{len(remote)} tiers elsewhere")


@SETTINGS
@given(cases(limits=True, stops=True))
def test_stops_reach_tiers_in_other_daemons(case: Case):
    plan = World(case.request).plan
    remote = frozenset(child.template for child in plan.root.children if child.children)
    world = world_of(case, remote=remote, daemons=2)
    oracle = oracle_of(world, case)
    due = sorted(case.stops)
    stopped: list[str] = []
    steps = 0

    def on_step(world: World) -> None:
        nonlocal steps
        steps += 1
        while due and due[0][0] <= steps:
            _, path, mode = due.pop(0)
            # Whether what is further down still goes on is known only where it lives.
            if world.stop(path, mode) and path.count("/") <= 1:
                stopped.append(path or world.plan.root.ident)

    check_order(world, oracle)
    in_order = world.on_hand_out

    def on_hand_out(world: World, path: str) -> None:
        in_order(world, path)
        assert world.orders_in_transit or not any(is_below(path, top) for top in stopped), f"{path} starts"

    world.on_step, world.on_hand_out = on_step, on_hand_out
    world.run()
    check_tallies(world, oracle)
    event(f"stopped {bool(stopped)}")
