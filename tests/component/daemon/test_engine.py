"""The engine over a log that commits when the test says so, and executors that only note their orders."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from gator.core.attempt.hooks import HookEnd
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import Pools
from gator.core.tree import actions as act
from gator.core.tree.tree import Tree
from gator.daemon.engine import Engine
from gator.plan import make_plan
from gator.testing.clock import FakeClock
from gator.testing.world import array, group, job, order, request
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2

EXECUTOR = "here"


class FakeLog:
    """A store whose commits come when they are asked for, in the order of the appends."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.waiting: list[tuple[Sequence[event_pb2.Event], Callable[[], None] | None]] = []
        self.results: dict[str, event_pb2.Result] = {}

    def append(self, events: Sequence[event_pb2.Event], then: Callable[[], None] | None = None) -> int:
        self.waiting.append((list(events), then))
        return 0

    def commit(self) -> None:
        waiting, self.waiting = self.waiting, []
        for events, then in waiting:
            for event in events:
                self.notes.append(f"{event.WhichOneof('payload')} {event.path}")
                if event.HasField("result"):
                    self.results[event.path] = event.result
            if then is not None:
                then()


class FakeExecutor:
    """A daemon that only notes what it is told."""

    def __init__(self, notes: list[str], name: str) -> None:
        self.notes, self.name = notes, name
        self.messages: list[attach_pb2.AttachResponse] = []

    def send(self, message: attach_pb2.AttachResponse) -> None:
        self.messages.append(message)
        match message.WhichOneof("message"):
            case "launch":
                paths = " ".join(node.path for node in message.launch.nodes)
                self.notes.append(f"{self.name}: launch {paths}")
            case "stop":
                self.notes.append(f"{self.name}: stop {message.stop.path}")
            case "release":
                self.notes.append(f"{self.name}: release {message.release.path}")
            case kind:
                self.notes.append(f"{self.name}: {kind}")


class FakeHooks:
    """Hooks of groups that pass at once."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    def run(self, action: act.RunHook, then: Callable[[str, HookEnd], None]) -> None:
        self.notes.append(f"hook {action.name} of {action.path}")
        then(action.path, HookEnd(action.name))

    def signal(self, path: str, number: int) -> None:
        self.notes.append(f"signal {number} to the hook of {path}")


class Bench:
    """An engine with fakes around it; `notes` tells commits and orders in their order."""

    def __init__(self, spec: spec_pb2.Spec, *, cores: int = 2, remote: str = "", fixed: bool = True) -> None:
        self.notes: list[str] = []
        self.clock = FakeClock()
        self.log = FakeLog(self.notes)
        self.executor = FakeExecutor(self.notes, "executor")
        self.tier = FakeExecutor(self.notes, "tier")
        self.ended: list[act.TierEnded] = []
        self.tree = Tree(make_plan(request(spec)), remote=frozenset([remote] if remote else []))
        self.dispatch = Dispatcher(
            Ledger(Pools(cores, 0, False, {})),
            max_hosts=1,
            slots=cores,
            fixed_host=EXECUTOR if fixed else None,
        )
        self.engine = Engine(
            self.tree,
            self.dispatch,
            self.log,
            self.clock,
            on_action=lambda action: None,
            open_tier=lambda order: self.tier,
            on_tier_ended=self.ended.append,
            hooks=FakeHooks(self.notes),
        )
        self.engine.add_executor(EXECUTOR, self.executor)

    async def turn(self) -> None:
        """Let everything happen that can without a commit."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Commits and continues until there is no more work."""
        await self.turn()
        while self.log.waiting:
            self.log.commit()
            await self.turn()

    async def start(self) -> None:
        self.engine.start()
        await self.settle()

    def end(self, path: str, outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_PASSED) -> None:
        """A job runs and ends."""
        self.engine.on_started(path, 1)
        self.engine.on_finished(path, 1, event_pb2.AttemptFinished(outcome=outcome))


async def test_nothing_is_handed_out_before_its_declaration_is_committed():
    bench = Bench(group("top", job("a"), job("b")))
    bench.engine.start()
    await bench.turn()
    assert bench.notes == []
    assert bench.executor.messages == []
    bench.log.commit()
    assert bench.notes == ["declared top", "declared top/a", "declared top/b", "executor: launch top/a top/b"]


async def test_dependents_start_only_after_the_result_is_committed():
    bench = Bench(group("top", job("a"), job("b", order(on_pass=["a"]))))
    await bench.start()
    bench.end("top/a")
    await bench.turn()
    assert "executor: launch top/b" not in bench.notes
    await bench.settle()
    assert bench.notes.index("result top/a") < bench.notes.index("declared top/b")
    assert bench.notes.index("declared top/b") < bench.notes.index("executor: launch top/b")


async def test_the_end_is_told_after_the_last_result_is_committed():
    bench = Bench(group("top", job("a")))
    await bench.start()
    bench.end("top/a")
    await bench.turn()
    assert not bench.ended
    bench.log.commit()
    assert bench.notes[-2:] == ["result top/a", "result top"]
    assert [ended.path for ended in bench.ended] == ["top"]


async def test_orders_of_several_turns_are_carried_out_in_the_order_of_the_turns():
    bench = Bench(group("top", *(job(name) for name in "abcd")), cores=1)
    await bench.start()
    for name in "abc":
        bench.end(f"top/{name}")
        await bench.turn()
    bench.engine.stop(attach_pb2.Stop(path="top/d"))
    await bench.turn()
    await bench.settle()
    orders = [note for note in bench.notes if note.startswith("executor: ")]
    launched = [path for note in orders if "launch" in note for path in note.split()[2:]]
    assert launched == [f"top/{name}" for name in "abcd"]
    assert orders[-1] == "executor: stop top/d"


async def test_an_end_counts_once_and_only_for_what_was_handed_out():
    bench = Bench(group("top", job("a"), job("b", order(on_pass=["a"]))))
    await bench.start()
    bench.end("top/b")
    bench.end("top/a")
    bench.end("top/a", common_pb2.OUTCOME_FAILED)
    await bench.settle()
    assert bench.notes.count("result top/a") == 1
    assert bench.log.results["top/a"].outcome == common_pb2.OUTCOME_PASSED
    assert "result top/b" not in bench.notes


async def test_of_a_dead_daemon_what_was_started_is_lost_and_the_rest_is_ready_again():
    bench = Bench(group("top", job("a"), job("b"), job("c")), fixed=False)
    bench.dispatch.on_host(EXECUTOR, 0)
    await bench.start()
    bench.engine.on_started("top/a", 1)
    await bench.turn()
    started, unstarted = bench.dispatch.on_host_lost(EXECUTOR, 0)
    assert (started, unstarted[0]) == ([("top/a", 1)], ("top/b", 1))
    bench.engine.on_executor_lost(EXECUTOR, started, unstarted, "the daemon died")
    await bench.settle()
    fresh = FakeExecutor(bench.notes, "fresh")
    for name in ("fresh", "other"):
        bench.dispatch.on_host(name, 1)
        bench.engine.add_executor(name, fresh)
    await bench.settle()
    again = {(node.path, node.attempt) for message in fresh.messages for node in message.launch.nodes}
    assert ("top/a", 2) in again
    assert ("top/b", 1) in again
    assert bench.notes.count("declared top/b") == 1
    # What the dead one still says is of no concern.
    bench.engine.on_finished("top/a", 1, event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_FAILED))
    await bench.settle()
    assert "result top/a" not in bench.notes


async def test_what_kills_daemons_before_its_start_is_told_does_not_go_on_for_ever():
    bench = Bench(group("top", job("killer")), fixed=False)
    await bench.start()
    for number in range(20):
        name = f"h{number}"
        bench.dispatch.on_host(name, 0)
        bench.engine.add_executor(name, FakeExecutor(bench.notes, name))
        await bench.settle()
        if bench.ended:
            break
        started, unstarted = bench.dispatch.on_host_lost(name, 0)
        bench.engine.on_executor_lost(name, started, unstarted, f"{name} died")
        await bench.settle()
    assert bench.log.results["top/killer"].outcome == common_pb2.OUTCOME_LOST
    assert bench.log.results["top/killer"].attempts == 2


async def test_a_tier_in_another_daemon_is_opened_after_the_group_above_is_declared():
    bench = Bench(group("top", group("far", job("a")), job("b", order(on_pass=["a"]))), remote="top/far")
    await bench.start()
    assert bench.notes == ["declared top", "tier: launch top/far"]
    (launch,) = bench.tier.messages
    assert not launch.launch.nodes[0].HasField("job")
    bench.tree.on_remote_result(
        "top/far/a",
        event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED, jobs=event_pb2.Tally(passed=1)),
        bench.clock.now(),
    )
    bench.engine.turn_soon()
    await bench.settle()
    assert bench.notes[-1] == "executor: launch top/b"


async def test_a_tier_that_is_opened_again_is_told_what_it_was_told_before():
    spec = group("top", group("far", job("x", order(on_done=["a"]))), job("a"))
    bench = Bench(spec, remote="top/far")
    await bench.start()
    bench.end("top/a")
    await bench.settle()
    assert "tier: release top/a" in bench.notes
    bench.engine.stop(attach_pb2.Stop(path="top/far/x", mode=attach_pb2.STOP_MODE_GRACEFUL))
    await bench.settle()
    bench.tier.messages.clear()
    bench.tree.reopen("top/far", ("t1",), bench.clock.now())
    bench.engine.turn_soon()
    await bench.settle()
    launch, stop = bench.tier.messages
    (node,) = launch.launch.nodes
    assert list(node.before) == ["t1"]
    assert [release.path for release in node.released] == ["top/a"]
    assert stop.stop.path == "top/far/x"


@pytest.mark.parametrize("mode", [attach_pb2.STOP_MODE_GRACEFUL, attach_pb2.STOP_MODE_NOW])
async def test_a_stop_reaches_what_runs_and_closes_what_waits(mode: attach_pb2.StopMode.ValueType):
    bench = Bench(array("top", 4, job("a")), cores=1)
    await bench.start()
    bench.engine.on_started("top/a[0]", 1)
    bench.engine.stop(attach_pb2.Stop(mode=mode, message="enough"))
    await bench.settle()
    assert "executor: stop top/a[0]" in bench.notes
    cancelled = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_CANCELLED)
    bench.engine.on_finished("top/a[0]", 1, cancelled)
    recalled = [
        (node.path, 1)
        for message in bench.executor.messages
        for node in message.launch.nodes
        if "[0]" not in node.path
    ]
    bench.engine.on_recalled(recalled)
    await bench.settle()
    assert {result.outcome for result in bench.log.results.values()} == {common_pb2.OUTCOME_CANCELLED}
    assert len(bench.log.results) == 5
    assert bench.ended


async def test_a_deadline_wakes_the_engine_by_itself():
    spec = group("top", job("a"))
    spec.group.deadline_millis = 20
    bench = Bench(spec)
    bench.engine.start()
    await bench.settle()
    bench.clock.advance(1)
    async with asyncio.timeout(5):
        while "executor: stop top/a" not in bench.notes:
            await asyncio.sleep(0.005)
            bench.log.commit()
