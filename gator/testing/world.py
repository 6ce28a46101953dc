"""Simulates a run without processes: jobs end with given outcomes, in any order.

Invariant: it drives the real state machines, tree and dispatcher, and checks their invariants.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from gator.core.attempt.hooks import HookEnd
from gator.core.dispatch import actions as disp
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey, Pools
from gator.core.moment import Moment
from gator.core.tree import actions as act
from gator.core.tree.tree import Tree
from gator.node_paths import is_below
from gator.plan import make_plan
from gator.testing.clock import FakeClock
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, spec_pb2

Key = tuple[str, int]
HOST = "here"
Canon = dict[str, list[tuple[str, int, common_pb2.Outcome.ValueType, common_pb2.Reason.ValueType]]]


def _nothing(world: "World", path: str) -> None:
    del world, path


@dataclass
class World:
    """Runs one plan. `outcome` returns how an attempt ends, `pick` which of the possible steps is next.

    The tiers of the nodes in `remote` live in a number of `daemons`, each a tree of its own. Messages
    between them and the root arrive later, in order for each direction. With `starts`, a start is a step of
    its own, so that several jobs run at a time; otherwise a job starts when it ends.
    """

    request: plan_pb2.PlanRequest
    outcome: Callable[[str, int], common_pb2.Outcome.ValueType] = lambda path, attempt: (
        common_pb2.OUTCOME_PASSED
    )
    pick: Callable[[int], int] = lambda number: 0
    cores: int = 2
    events: list[event_pb2.Event] = field(default_factory=list[event_pb2.Event])
    ended: event_pb2.Result | None = None
    on_step: Callable[["World"], None] = lambda world: None
    on_hand_out: Callable[["World", str], None] = _nothing
    """Called with the path before an attempt is handed out."""
    hook_code: Callable[[str, str], int] = lambda path, name: 0
    """Returns the exit code of a hook of a group by its path and name."""
    starts: bool = False
    remote: frozenset[str] = frozenset()
    daemons: int = 1

    def __post_init__(self) -> None:
        """Makes the trees and the dispatcher."""
        self.clock = FakeClock()
        self.plan = make_plan(self.request)
        self.tree = Tree(self.plan, remote=self.remote)
        self.dispatch = Dispatcher(
            Ledger(Pools(self.cores, 0, False, {})), max_hosts=1, slots=self.cores, fixed_host=HOST
        )
        self._hosted = [
            Daemon(Tree(make_plan(self.request))) for _ in range(self.daemons if self.remote else 0)
        ]
        self._places: dict[str, Daemon] = {}
        """Daemons by the path of a tier that lives there."""
        self._owner: dict[Key, Tree] = {}
        self._leases: dict[int, list[Key]] = {}
        """Handed-out attempts by lease; the first of each runs or is about to."""
        self._given: dict[Key, int] = {}
        """Handed-out attempts with their order of hand-out."""
        self._begun: set[Key] = set()
        self.steps: list[tuple[str, str, int]] = []
        """Hand-outs, starts and ends of attempts, with path and attempt; of hooks their ends."""
        self._hooks: list[tuple[Tree, act.RunHook]] = []
        """The hooks of groups that run."""

    def run(self) -> event_pb2.Result:
        """Runs to the end; raises AssertionError if the tree hangs."""
        self.tree.start(self.clock.now())
        while self.ended is None:
            more = self._turn()
            self.on_step(self)
            possible = self._possible()
            if possible:
                possible[self.pick(len(possible))]()
            elif not more and self.ended is None:
                more = self._turn()
                if not more and not self._possible() and self.ended is None:
                    raise AssertionError("the tree hangs")
        return self.ended

    @property
    def running(self) -> list[Key]:
        """The attempts that run or are about to."""
        return [keys[0] for keys in self._leases.values() if keys]

    @property
    def orders_in_transit(self) -> bool:
        """Whether a daemon has not received all orders of the root."""
        return any(daemon.orders for daemon in self._hosted)

    def stop(
        self, path: str = "", mode: attach_pb2.StopMode.ValueType = attach_pb2.STOP_MODE_GRACEFUL
    ) -> bool:
        """Ends a node, as `gator stop` does."""
        request = attach_pb2.Stop(path=path, mode=mode, reason=common_pb2.REASON_CANCELLED, message="stopped")
        return self.tree.stop(request, self.clock.now())

    def results(self) -> dict[str, event_pb2.Result]:
        """Returns the Result of each node; raises AssertionError if one has two or was not declared."""
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
        """Returns the names of outcomes, by path."""
        return {
            path: common_pb2.Outcome.Name(result.outcome).removeprefix("OUTCOME_")
            for path, result in self.results().items()
        }

    def canonical(self) -> Canon:
        """Returns kind, attempt, outcome and reason of each event by node, the same for every placement."""
        canon: Canon = {}
        for event in self.events:
            kind = event.WhichOneof("payload") or ""
            end = event.result if kind == "result" else event.attempt_finished
            canon.setdefault(event.path, []).append((kind, event.attempt, end.outcome, end.reason))
        return canon

    # -- within

    def _turn(self) -> bool:
        self.clock.advance(0.001)
        now = self.clock.now()
        more = False
        for tree in (self.tree, *(daemon.tree for daemon in self._hosted)):
            tree.on_time(now)
            more = tree.step(now) or more
        self._act()
        for action in self.dispatch.poll(self.clock.monotonic()):
            if isinstance(action, disp.HandOut):
                self._hand_out(action, now)
            elif isinstance(action, disp.Recall):
                self._recall(action)
        self._act()
        return more

    def _hand_out(self, action: disp.HandOut, now: Moment) -> None:
        self.on_hand_out(self, action.key[0])
        job = self._owner[action.key].declare_attempt(*action.key, now)
        assert job is not None, f"{action.key} is handed out but not wanted"
        self._act()
        self._given[action.key] = len(self.steps)
        self._leases.setdefault(action.lease_id, []).append(action.key)
        self.steps.append(("handed out", *action.key))

    def _recall(self, recall: disp.Recall) -> None:
        ahead: list[Key] = []
        for lease in recall.lease_ids:
            keys = self._leases.get(lease, [])
            ahead += keys[1:]
            del keys[1:]
        self.dispatch.on_recalled(ahead, self.clock.monotonic())
        for path, attempt in ahead:
            tree = self._owner[path, attempt]
            job = tree.jobs.get(path)
            if job is not None and job.stop is not None:
                tree.on_withdrawn(path, attempt, self.clock.now())
            else:
                tree.on_given_back(path, attempt)

    def _possible(self) -> list[Callable[[], None]]:
        """Returns the steps that can come next."""
        steps: list[Callable[[], None]] = []
        for daemon in self._hosted:
            if daemon.orders:
                steps.append(partial(self._deliver_order, daemon))
            if daemon.events:
                steps.append(partial(self._deliver_event, daemon))
        steps += [partial(self._end_hook, hook) for hook in self._hooks]
        heads = sorted(
            (keys for keys in self._leases.values() if keys), key=lambda keys: self._given[keys[0]]
        )
        steps += [partial(self._go_on, keys) for keys in heads]
        return steps

    def _end_hook(self, hook: tuple[Tree, act.RunHook]) -> None:
        self._hooks.remove(hook)
        tree, action = hook
        end = HookEnd(action.name, code=self.hook_code(action.path, action.name))
        self.steps.append((f"hook {action.name}", action.path, 0))
        tree.on_hook(action.path, end, self.clock.now())
        self._act()

    def _go_on(self, keys: list[Key]) -> None:
        key = keys[0]
        if key not in self._begun:
            self._start_one(key)
            if self.starts:
                return
        del keys[0]
        self._end_one(key)

    def _start_one(self, key: Key) -> None:
        tree, (path, attempt) = self._owner[key], key
        self._begun.add(key)
        if tree.on_started(path, attempt, self.clock.now()):
            self.dispatch.on_started(key, self.clock.monotonic())
        started = event_pb2.Event(path=path, attempt=attempt, started=event_pb2.Started())
        self._note(tree, started)
        self.steps.append(("started", path, attempt))
        self._act()

    def _end_one(self, key: Key) -> None:
        tree, (path, attempt) = self._owner[key], key
        now = self.clock.now()
        job = tree.jobs[path]
        stopped = job.stop is not None and job.stop.mode != attach_pb2.STOP_MODE_HOLD
        outcome = common_pb2.OUTCOME_CANCELLED if stopped else self.outcome(path, attempt)
        end = event_pb2.AttemptFinished(outcome=outcome)
        self._note(tree, event_pb2.Event(path=path, attempt=attempt, attempt_finished=end))
        self.steps.append(("ended", path, attempt))
        self.dispatch.on_finished(key, self.clock.monotonic())
        assert tree.on_attempt_finished(path, attempt, end, now)
        assert not tree.on_attempt_finished(path, attempt, end, now), "an end counts once"
        self._act()

    def _act(self) -> None:
        trees = (self.tree, *(daemon.tree for daemon in self._hosted))
        while acted := [(tree, actions) for tree in trees if (actions := tree.take())]:
            for tree, actions in acted:
                for action in actions:
                    self._do(tree, action)

    def _do(self, tree: Tree, action: act.Action) -> None:
        now = self.clock.monotonic()
        match action:
            case act.Record(event):
                self._note(tree, event)
            case act.Enqueue(path, attempt, node, order, alone):
                ready = disp.Ready((path, attempt), DemandKey.of(node.demand), node.weight, order, alone)
                self._owner[ready.key] = tree
                self.dispatch.add(ready, now)
            case act.Dequeue(path, attempt, _):
                what = self.dispatch.cancel((path, attempt), now)
                if what in (disp.Cancelled.QUEUED, disp.Cancelled.UNKNOWN):
                    tree.on_withdrawn(path, attempt, self.clock.now())
            case act.OpenTier(path, node, _, _):
                self._places[path] = self._hosted[node.order % len(self._hosted)]
                self._places[path].orders.append(action)
            case act.TellTier(path, _):
                self._places[path].orders.append(action)
            case act.TierEnded(_, result):
                if tree is self.tree:
                    self.ended = result
            case act.RunHook():
                self._hooks.append((tree, action))
            case act.StopAttempt() | act.StopHook():
                # A stopped attempt ends as cancelled, at any later time, and so does a hook.
                pass

    # -- between daemons

    def _note(self, tree: Tree, event: event_pb2.Event) -> None:
        self.events.append(event)
        for daemon in self._hosted:
            if daemon.tree is tree:
                daemon.events.append(event)

    def _deliver_order(self, daemon: "Daemon") -> None:
        now = self.clock.now()
        match daemon.orders.popleft():
            case act.OpenTier(path, _, _, released):
                daemon.tree.open(path, list(released), now)
            case act.TellTier(path, order) if isinstance(order, attach_pb2.Release):
                daemon.tree.on_release(order, now)
            case act.TellTier(path, order) if isinstance(order, attach_pb2.Stop):
                mine = attach_pb2.Stop()
                mine.CopyFrom(order)
                # As in the engine, an order to an ancestor concerns the whole tier.
                mine.path = order.path if is_below(order.path, path) else path
                daemon.tree.stop(mine, now)
            case _:
                pass
        self._act()

    def _deliver_event(self, daemon: "Daemon") -> None:
        event = daemon.events.popleft()
        if event.HasField("started"):
            self.tree.on_remote_started(event.path)
        elif event.HasField("result"):
            self.tree.on_remote_result(event.path, event.result, self.clock.now())
        self._act()


@dataclass(eq=False)
class Daemon:
    """A tree in another daemon, with the messages in transit."""

    tree: Tree
    orders: deque[act.OpenTier | act.TellTier] = field(default_factory=deque[act.OpenTier | act.TellTier])
    events: deque[event_pb2.Event] = field(default_factory=deque[event_pb2.Event])


def request(spec: spec_pb2.Spec, **more: object) -> plan_pb2.PlanRequest:
    """Returns a request for the plan of a spec, with a fixed seed."""
    made = plan_pb2.PlanRequest(spec=spec, seed=1)
    for name, value in more.items():
        made.MergeFrom(plan_pb2.PlanRequest(**{name: value}))  # pyright: ignore[reportArgumentType]
    return made


def order(
    on_pass: Iterable[str] = (), on_fail: Iterable[str] = (), on_done: Iterable[str] = ()
) -> spec_pb2.Order:
    """Returns the dependencies of a node, by names."""
    return spec_pb2.Order(
        on_pass=[spec_pb2.Reference(name=name) for name in on_pass],
        on_fail=[spec_pb2.Reference(name=name) for name in on_fail],
        on_done=[spec_pb2.Reference(name=name) for name in on_done],
    )


def job(ident: str, waits: spec_pb2.Order | None = None, *, allow_failure: bool = False) -> spec_pb2.Spec:
    """Returns a job that runs `true`."""
    made = spec_pb2.Job(ident=ident, command="true", order=waits, allow_failure=allow_failure)
    return spec_pb2.Spec(job=made)


def group(ident: str, *children: spec_pb2.Spec, waits: spec_pb2.Order | None = None) -> spec_pb2.Spec:
    """Returns a group of children."""
    return spec_pb2.Spec(group=spec_pb2.JobGroup(ident=ident, jobs=children, order=waits))


def array(
    ident: str, repeats: int, *children: spec_pb2.Spec, waits: spec_pb2.Order | None = None
) -> spec_pb2.Spec:
    """Returns an array of children."""
    return spec_pb2.Spec(array=spec_pb2.JobArray(ident=ident, repeats=repeats, jobs=children, order=waits))
