"""The engine: takes inputs, lets tree and dispatcher decide, commits records and then performs effects."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from gator.core.attempt.hooks import HookEnd
from gator.core.dispatch import actions as disp
from gator.core.dispatch.actions import Key
from gator.core.dispatch.pools import DemandKey
from gator.core.moment import Moment
from gator.core.tree import actions as act
from gator.core.tree.outcomes.restored import Past
from gator.core.tree.tree import Tree
from gator.daemon.engine.protocols import Dispatch, Executor, GroupHooks, Log
from gator.node_paths import is_below
from gator.plan import PlanNode, add_inputs, array_index, has_inputs
from gator.ports import Clock
from gator.v1 import attach_pb2, event_pb2

if TYPE_CHECKING:
    from gator.daemon.engine.dispatch_log import DispatchLog

OwnerAction = TypeVar("OwnerAction")
"""The actions of a dispatcher that the owner of the engine carries out."""
DEADLINE_CHECK_SECONDS = 1.0
"""Maximum time between two checks of a deadline."""
MAX_RETURNS = 3
"""Maximum number of times an unstarted attempt returns from dead daemons before it counts as lost."""


class Engine(Generic[OwnerAction]):
    """Runs a tree by a dispatcher and executors; everything happens on one event loop."""

    def __init__(
        self,
        tree: Tree,
        dispatch: Dispatch[OwnerAction],
        store: Log,
        clock: Clock,
        *,
        on_action: Callable[[OwnerAction], None],
        open_tier: Callable[[act.OpenTier], Executor] | None = None,
        on_tier_ended: Callable[[act.TierEnded], None],
        hooks: GroupHooks,
        log: "DispatchLog | None" = None,
    ) -> None:
        self.tree = tree
        self.dispatch = dispatch
        self.executors: dict[str, Executor] = {}
        self.placed: dict[Key, str] = {}
        """Which executor has an attempt."""
        self._store, self._clock, self._log = store, clock, log
        self._hooks = hooks
        self._on_action, self._open_tier, self._on_tier_ended = on_action, open_tier, on_tier_ended
        self._tier_executors: dict[str, Executor] = {}
        self._suspects: Counter[Key] = Counter()
        """How often an attempt was handed out and not started when its daemon died."""
        self._records: list[event_pb2.Event] = []
        self._launches: dict[str, list[attach_pb2.LaunchNode]] = {}
        self._effects: list[Callable[[], None]] = []
        self._loop = asyncio.get_running_loop()
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None

    # -- inputs

    def start(self) -> None:
        """Starts the root of the plan."""
        self.tree.start(self._clock.now())
        self.turn_soon()

    def open(self, node: attach_pb2.LaunchNode, past: Past | None = None) -> None:
        """Starts the tier that a parent ordered; `past` has its outcomes in other daemons."""
        self.tree.open(node.path, node.released, self._clock.now(), past)
        self.turn_soon()

    def add_executor(self, name: str, executor: Executor) -> None:
        """Adds a daemon that accepts messages."""
        self.executors[name] = executor
        self.turn_soon()

    def on_started(self, path: str, attempt: int) -> None:
        """Reports that the process of an attempt runs."""
        if self.tree.on_started(path, attempt, self._clock.now()):
            self.dispatch.on_started((path, attempt), self._clock.monotonic())
        self.turn_soon()

    def on_finished(self, path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        """Handles the end of an attempt; ignored if the attempt is closed."""
        if self.placed.pop((path, attempt), None) is not None:
            if self._log is not None:
                self._log.on_ended((path, attempt))
            self.dispatch.on_finished((path, attempt), self._clock.monotonic())
            self.tree.on_attempt_finished(path, attempt, end, self._clock.now())
        self.turn_soon()

    def on_recalled(self, keys: Iterable[Key]) -> None:
        """Returns attempts that did not start to their queue."""
        given = [key for key in keys if self.placed.pop(key, None) is not None]
        now = self._clock.now()
        self.dispatch.on_recalled(given, self._clock.monotonic())
        for path, attempt in given:
            job = self.tree.jobs.get(path)
            if job is not None and job.stop is not None:
                self.tree.on_withdrawn(path, attempt, now)
            else:
                self.tree.on_given_back(path, attempt)
        self.turn_soon()

    def on_executor_lost(self, name: str, started: Iterable[Key], unstarted: Iterable[Key], why: str) -> None:
        """Removes a dead daemon: its started attempts are lost, the others are ready again.

        An attempt that was with several dead daemons may have killed them before its start was reported. It
        runs alone next, and is lost in the end.
        """
        self.executors.pop(name, None)
        now = self._clock.now()
        for path, attempt in started:
            self.placed.pop((path, attempt), None)
            self.tree.on_attempt_lost(path, attempt, why, now)
        for path, attempt in unstarted:
            self.placed.pop((path, attempt), None)
            job = self.tree.jobs.get(path)
            if job is None or job.attempt != attempt:
                continue
            if job.stop is not None:
                self.tree.on_withdrawn(path, attempt, now)
                continue
            self._suspects[path, attempt] += 1
            times = self._suspects[path, attempt]
            if times > MAX_RETURNS:
                self.tree.on_attempt_lost(path, attempt, why, now)
            else:
                self.tree.on_given_back(path, attempt)
                self._add(path, attempt, job.node, job.order, alone=times > 1)
        self.turn_soon()

    def on_release(self, release: attach_pb2.Release) -> None:
        """Handles the outcome of a node outside this tree."""
        self.tree.on_release(release, self._clock.now())
        self.turn_soon()

    def stop(self, request: attach_pb2.Stop) -> bool:
        """Stops a node and all below it. Returns whether it exists."""
        exists = self.tree.stop(request, self._clock.now())
        self.turn_soon()
        return exists

    def then(self, effect: Callable[[], None]) -> None:
        """Performs an effect once the present records are committed."""
        self._effects.append(effect)
        self.turn_soon()

    def turn_soon(self) -> None:
        """Runs one round once all inputs of this moment have arrived."""
        if self._turn is None:
            self._turn = self._loop.call_soon(self._take_turn)

    # -- one turn

    def _take_turn(self) -> None:
        self._turn = None
        now, moment = self._clock.now(), self._clock.monotonic()
        self.tree.on_time(now)
        more = self.tree.step(now)
        self._act(moment)
        actions = self.dispatch.poll(moment)
        for action in actions:
            self._dispatch(action)
        if self._log is not None:
            self._log.after_poll(actions)
        # A hand-out that is not wanted any more has freed its lease.
        self._act(moment)
        self._flush()
        if more:
            self.turn_soon()
        self._set_timer(now, moment)

    def _act(self, moment: float) -> None:
        while actions := self.tree.take():
            for action in actions:
                self._do(action, moment)

    def _do(self, action: act.Action, moment: float) -> None:
        match action:
            case act.Record(event):
                self._records.append(event)
            case act.Enqueue(path, attempt, node, order, alone):
                self._add(path, attempt, node, order, alone=alone)
            case act.Dequeue(path, attempt, stop):
                self._dequeue(path, attempt, stop, moment)
            case act.StopAttempt(path, attempt, stop):
                self._send_stop((path, attempt), stop)
            case act.OpenTier():
                self._place_tier(action)
            case act.TellTier(path, order):
                self._send_to_tier(path, order)
            case act.RunHook():
                self._effects.append(partial(self._hooks.run, action, self._on_hook))
            case act.StopHook(path, number):
                self._effects.append(partial(self._hooks.signal, path, number))
            case act.TierEnded():
                self._effects.append(partial(self._on_tier_ended, action))

    def _on_hook(self, path: str, end: HookEnd) -> None:
        self.tree.on_hook(path, end, self._clock.now())
        self.turn_soon()

    def _add(self, path: str, attempt: int, node: PlanNode, order: int, *, alone: bool) -> None:
        values = node.resolved_at(path)
        demand = DemandKey.of(values.demand)
        ready = disp.Ready((path, attempt), demand, values.weight, order, alone)
        if self._log is not None:
            self._log.on_ready(ready)
        self.dispatch.add(ready, self._clock.monotonic())

    def _dequeue(self, path: str, attempt: int, stop: attach_pb2.Stop, moment: float) -> None:
        what = self.dispatch.cancel((path, attempt), moment)
        if what is disp.Cancelled.RUNNING:
            if stop.mode != attach_pb2.STOP_MODE_HOLD:
                self._send_stop((path, attempt), stop)
        elif what is not disp.Cancelled.PREFETCHED:
            self.placed.pop((path, attempt), None)
            self.tree.on_withdrawn(path, attempt, self._clock.now())

    def _send_stop(self, key: Key, stop: attach_pb2.Stop) -> None:
        executor = self.executors.get(self.placed.get(key, ""))
        if executor is not None:
            self._effects.append(partial(executor.send, attach_pb2.AttachResponse(stop=stop)))

    def _dispatch(self, action: disp.HandOut | disp.Recall | OwnerAction) -> None:
        match action:
            case disp.HandOut():
                self._hand_out(action)
            case disp.Recall(host, leases):
                executor = self.executors.get(host)
                if executor is not None:
                    message = attach_pb2.AttachResponse(recall=attach_pb2.Recall(leases=leases))
                    self._effects.append(partial(executor.send, message))
            case _:
                self._on_action(action)

    def _hand_out(self, action: disp.HandOut) -> None:
        path, attempt = action.key
        job = self.tree.declare_attempt(path, attempt, self._clock.now())
        if job is None:
            self.dispatch.on_finished(action.key, self._clock.monotonic())
            return
        self.placed[action.key] = action.host
        plan = self.tree.plan
        seed = plan.attempt_seed(job.node, path, job.failures)
        node = attach_pb2.LaunchNode(
            path=path,
            attempt=attempt,
            lease=action.lease_id,
            cores=action.cores,
            seed=seed,
            job=plan.resolve(job.node, path, seed if job.failures else None),
        )
        if has_inputs(job.node):
            add_inputs(node, job.node)
        index = array_index(path)
        if index is not None:
            node.array_index = index
        nodes = self._launches.get(action.host)
        if nodes is None:
            # All launches of one turn are one message.
            nodes = self._launches[action.host] = []
            self._effects.append(partial(self._launch, action.host, nodes))
        nodes.append(node)

    def _launch(self, host: str, nodes: Sequence[attach_pb2.LaunchNode]) -> None:
        executor = self.executors.get(host)
        if executor is not None:
            executor.send(attach_pb2.AttachResponse(launch=attach_pb2.Launch(nodes=nodes)))

    def _place_tier(self, action: act.OpenTier) -> None:
        if self._open_tier is None:
            raise AssertionError("only a root places tiers")
        executor = self._tier_executors[action.path] = self._open_tier(action)
        node = attach_pb2.LaunchNode(
            path=action.path, attempt=1, seed=action.seed, released=action.released, before=action.before
        )
        message = attach_pb2.AttachResponse(launch=attach_pb2.Launch(nodes=[node]))
        self._effects.append(partial(executor.send, message))

    def _send_to_tier(self, path: str, payload: attach_pb2.Release | attach_pb2.Stop) -> None:
        executor = self._tier_executors.get(path)
        if executor is None:
            return
        if isinstance(payload, attach_pb2.Release):
            message = attach_pb2.AttachResponse(release=payload)
        else:
            message = attach_pb2.AttachResponse(stop=payload)
            if not is_below(payload.path, path):
                message.stop.path = path
        self._effects.append(partial(executor.send, message))

    def _flush(self) -> None:
        """Hands records and effects over as one; effects run after the commit."""
        records, effects = self._records, self._effects
        if not records and not effects:
            return
        self._records, self._effects, self._launches = [], [], {}

        def perform() -> None:
            for effect in effects:
                effect()

        self._store.append(records, perform)

    def _set_timer(self, now: Moment, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waits: list[float] = []
        if self.tree.wake_at is not None:
            # The timers of a loop stop while the host is suspended; deadlines do not.
            waits.append(min((self.tree.wake_at - now.boot) / 1e9, DEADLINE_CHECK_SECONDS))
        dispatch_at = self.dispatch.wake_at()
        if dispatch_at is not None:
            waits.append(dispatch_at - moment)
        if waits:
            self._timer = self._loop.call_later(max(0.001, min(waits)), self.turn_soon)
