"""A world in which a tree runs without processes: jobs end as a table says, in any order that is asked for.

The rule: it drives the very state machines of a root, tree and dispatcher, and checks what must always hold.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gator.core import actions as act
from gator.core import dispatch_actions as disp
from gator.core.dispatch import Dispatcher
from gator.core.ledger import Ledger
from gator.core.pools import DemandKey, Pools
from gator.core.tree import Tree
from gator.plan import make_plan
from gator.testing.clock import FakeClock
from gator.v1 import attach_pb2, event_pb2, plan_pb2, spec_pb2
from gator.v1 import common_pb2 as pb

Key = tuple[str, int]
HOST = "here"


@dataclass
class World:
    """Runs one plan. `outcome` says how an attempt ends; `pick` which of the running ones ends next."""

    request: plan_pb2.PlanRequest
    outcome: Callable[[str, int], pb.Outcome.ValueType] = lambda path, attempt: pb.OUTCOME_PASSED
    pick: Callable[[int], int] = lambda number: 0
    cores: int = 2
    events: list[event_pb2.Event] = field(default_factory=list[event_pb2.Event])
    running: list[Key] = field(default_factory=list[Key])
    ended: event_pb2.Result | None = None
    on_step: Callable[["World"], None] = lambda world: None

    def __post_init__(self) -> None:
        """Make the tree and the dispatcher."""
        self.clock = FakeClock()
        self.plan = make_plan(self.request)
        self.tree = Tree(self.plan)
        self.dispatch = Dispatcher(
            Ledger(Pools(self.cores, 0, False, {})), max_hosts=1, slots=self.cores, fixed_host=HOST
        )
        self._started: set[Key] = set()

    def run(self) -> event_pb2.Result:
        """Run to the end; raises AssertionError when the tree hangs."""
        self.tree.start(self.clock.unix_nanos())
        while self.ended is None:
            more = self._turn()
            self.on_step(self)
            if self.running:
                self._end_one(self.running.pop(self.pick(len(self.running))))
            elif not more and self.ended is None:
                more = self._turn()
                if not more and not self.running and self.ended is None:
                    raise AssertionError("the tree hangs")
        return self.ended

    def stop(
        self, path: str = "", mode: attach_pb2.StopMode.ValueType = attach_pb2.STOP_MODE_GRACEFUL
    ) -> bool:
        """End a node, as `gator stop` does."""
        order = attach_pb2.Stop(path=path, mode=mode, reason=pb.REASON_CANCELLED, message="stopped")
        return self.tree.stop(order, self.clock.unix_nanos())

    def results(self) -> dict[str, event_pb2.Result]:
        """The Result of every node that has one; AssertionError when one has two or was not declared."""
        declared: set[str] = set()
        results: dict[str, event_pb2.Result] = {}
        for event in self.events:
            if event.HasField("declared"):
                assert event.path not in declared, f"{event.path} is declared twice"
                declared.add(event.path)
            elif event.HasField("result"):
                assert event.path in declared, f"{event.path} has a Result but was never declared"
                assert event.path not in results, f"{event.path} has two Results"
                results[event.path] = event.result
        assert self.ended is None or declared == set(results), "a declared node has no Result"
        return results

    def outcomes(self) -> dict[str, str]:
        """Outcomes by path, as words."""
        return {
            path: pb.Outcome.Name(result.outcome).removeprefix("OUTCOME_")
            for path, result in self.results().items()
        }

    # -- within

    def _turn(self) -> bool:
        self.clock.advance(0.001)
        now = self.clock.unix_nanos()
        self.tree.on_time(now)
        more = self.tree.step(now)
        self._act()
        for action in self.dispatch.poll(self.clock.monotonic()):
            if isinstance(action, disp.HandOut):
                job = self.tree.declare_attempt(*action.key, now)
                assert job is not None, f"{action.key} is handed out but not wanted"
                self.running.append(action.key)
            elif isinstance(action, disp.Recall):
                self._recall(action)
        self._act()
        return more

    def _recall(self, recall: disp.Recall) -> None:
        ahead = [key for key in self.running if key not in self._running_now()]
        self.running = [key for key in self.running if key not in ahead]
        self.dispatch.on_recalled(ahead, self.clock.monotonic())
        for path, attempt in ahead:
            job = self.tree.jobs.get(path)
            if job is not None and job.stop is not None:
                self.tree.on_withdrawn(path, attempt, self.clock.unix_nanos())
            else:
                self.tree.on_given_back(path, attempt)

    def _running_now(self) -> set[Key]:
        return set(self.running[: self.cores])

    def _end_one(self, key: Key) -> None:
        path, attempt = key
        now = self.clock.unix_nanos()
        job = self.tree.jobs[path]
        stopped = job.stop is not None and job.stop.mode != attach_pb2.STOP_MODE_HOLD
        if self.tree.on_started(path, attempt, now):
            self.dispatch.on_started(key, self.clock.monotonic())
        outcome = pb.OUTCOME_CANCELLED if stopped else self.outcome(path, attempt)
        end = event_pb2.AttemptFinished(outcome=outcome)
        self.dispatch.on_finished(key, self.clock.monotonic())
        assert self.tree.on_attempt_finished(path, attempt, end, now)
        assert not self.tree.on_attempt_finished(path, attempt, end, now), "an end counts once"
        self._act()

    def _act(self) -> None:
        while actions := self.tree.take():
            for action in actions:
                self._do(action)

    def _do(self, action: act.Action) -> None:
        now = self.clock.monotonic()
        match action:
            case act.Record(event):
                self.events.append(event)
            case act.Enqueue(path, attempt, node, order, alone):
                ready = disp.Ready((path, attempt), DemandKey.of(node.demand), node.weight, order, alone)
                self.dispatch.add(ready, now)
            case act.Dequeue(path, attempt, stop):
                what = self.dispatch.cancel((path, attempt), now)
                if what in (disp.Cancelled.QUEUED, disp.Cancelled.UNKNOWN):
                    self.tree.on_withdrawn(path, attempt, self.clock.unix_nanos())
                del stop
            case act.TierEnded(_, result):
                self.ended = result
            case _:
                pass


def request(spec: spec_pb2.Spec, **more: object) -> plan_pb2.PlanRequest:
    """A request for the plan of a spec, with a fixed seed."""
    made = plan_pb2.PlanRequest(spec=spec, seed=1)
    for name, value in more.items():
        made.MergeFrom(plan_pb2.PlanRequest(**{name: value}))  # pyright: ignore[reportArgumentType]
    return made


def order(
    on_pass: Iterable[str] = (), on_fail: Iterable[str] = (), on_done: Iterable[str] = ()
) -> spec_pb2.Order:
    """What a node waits for, by names."""
    return spec_pb2.Order(
        on_pass=[spec_pb2.Reference(name=name) for name in on_pass],
        on_fail=[spec_pb2.Reference(name=name) for name in on_fail],
        on_done=[spec_pb2.Reference(name=name) for name in on_done],
    )


def job(ident: str, waits: spec_pb2.Order | None = None, *, allow_failure: bool = False) -> spec_pb2.Spec:
    """A job that runs `true`."""
    made = spec_pb2.Job(ident=ident, command="true", order=waits, allow_failure=allow_failure)
    return spec_pb2.Spec(job=made)


def group(ident: str, *children: spec_pb2.Spec, waits: spec_pb2.Order | None = None) -> spec_pb2.Spec:
    """A group of children."""
    return spec_pb2.Spec(group=spec_pb2.JobGroup(ident=ident, jobs=children, order=waits))


def array(
    ident: str, repeats: int, *children: spec_pb2.Spec, waits: spec_pb2.Order | None = None
) -> spec_pb2.Spec:
    """An array of children."""
    return spec_pb2.Spec(array=spec_pb2.JobArray(ident=ident, repeats=repeats, jobs=children, order=waits))
