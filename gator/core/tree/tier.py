"""The logic of a group or array: starts children when their gates open, and folds their Results.

Invariant: a tier speaks only of its own children. What crosses a border goes through its `TreePort`, the tree
it lives in, so that a child tier may live in another daemon.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Protocol

from msgspec import Struct, field

from gator.core.tree.close import Registry, cancelled, close_unstarted
from gator.core.tree.gate import Closing, Gate, GateState
from gator.core.tree.group_result import GroupFold
from gator.core.tree.restored import Attempts
from gator.core.tree.results import complete, result_of_end
from gator.core.tree.watch import Watch, WatchPlan
from gator.node_paths import join, template_of
from gator.plan import PlanNode
from gator.units import plural
from gator.v1 import attach_pb2, event_pb2
from gator.v1 import common_pb2 as pb

WINDOW_JOBS = 512
"""Repeats of one job that exist at a time; far above what daemons hold, far below 100,000."""
WINDOW_TIERS = 1024
"""Repeats of one group that exist at a time."""


class Phase(Enum):
    """How far a job has come."""

    QUEUED = "queued"
    OUT = "out"
    STARTED = "started"


class Job(Struct, eq=False):
    """A job between hand-out and Result."""

    node: PlanNode
    path: str
    order: int
    tier: "Tier"
    child: "Child"
    attempt: int = 1
    lost: int = 0
    started: int = 0
    """Attempts that were started."""
    phase: Phase = Phase.QUEUED
    declared: bool = False
    stop: attach_pb2.Stop | None = None


class TreePort(Registry, Protocol):
    """What a tier needs of the tree it lives in."""

    def enqueue(self, job: Job, *, alone: bool = False) -> None:
        """Let an attempt start when the resources allow."""
        ...

    def halt(self, job: Job, stop: attach_pb2.Stop) -> None:
        """End a job, wherever it is."""
        ...

    def open_tier(
        self, node: PlanNode, path: str, base: int, parent: "Tier", child: "Child"
    ) -> "Tier | None":
        """Start the tier of a child; None when it lives in another daemon."""
        ...

    def tell_tier(self, path: str, order: attach_pb2.Release | attach_pb2.Stop) -> None:
        """Pass an order on to a tier in another daemon."""
        ...

    def close_later(self, steps: Iterator[None]) -> None:
        """Go through steps a few at a time."""
        ...

    def wake(self, tier: "Tier") -> None:
        """Call `issue` soon."""
        ...

    def tier_ended(self, tier: "Tier", result: event_pb2.Result) -> None:
        """Forget a tier and pass its Result on."""
        ...


class Child(Struct, eq=False):
    """A child as the text has it, with all of its repeats."""

    node: PlanNode
    gate: Gate
    base: int
    """Place of its first job in the order of the whole text."""
    total: int
    issued: int = 0
    live: int = 0
    closing: Closing | None = None
    skipped: dict[int, attach_pb2.Stop] = field(default_factory=dict[int, attach_pb2.Stop])
    """Repeats that were stopped before they existed."""

    def index_at(self, number: int) -> int | None:
        """Index of the repeat that comes as the given number."""
        return None if self.node.repeats is None else self.node.indices[number]


class TierState(Enum):
    """How far a tier has come."""

    RUNNING = "running"
    HOLDING = "holding"
    """Nothing new starts; what runs may end."""
    STOPPING = "stopping"
    ENDED = "ended"


class Tier:
    """One instance of a group or array. `virtual_root` marks the one above the root, which no one sees."""

    def __init__(
        self,
        hall: TreePort,
        node: PlanNode,
        path: str,
        *,
        base: int,
        watch: WatchPlan,
        parent: "Tier | None" = None,
        slot: Child | None = None,
        virtual_root: bool = False,
    ) -> None:
        self.node, self.path, self.parent, self.slot = node, path, parent, slot
        self.virtual_root = virtual_root
        self.state = TierState.RUNNING
        self.stop_order: attach_pb2.Stop | None = None
        self.jobs: dict[str, Job] = {}
        self.tiers: dict[str, Tier | None] = {}
        self.failed = 0
        self.watch = Watch(watch)
        self.known: list[attach_pb2.Release] = []
        self.children: dict[str, Child] = {}
        self._hall = hall
        self._fold = GroupFold()
        self._open: dict[str, Child] = {}
        self._left = 0
        self._began = hall.now().steady
        for each in [node] if virtual_root else node.children:
            total = 1 if each.repeats is None or virtual_root else len(each.indices)
            self.children[each.template] = Child(each, Gate(() if virtual_root else each.waits), base, total)
            base += total * each.jobs
            self._left += total

    # -- what comes in

    def start(self) -> None:
        """Declare the node and open what nothing stands before."""
        if not self.virtual_root:
            self._hall.declare(self.node, self.path)
        if self._hall.past is not None:
            self._began = self._hall.began(self.path).steady
        for watched in [one for ones in self.watch.plan.watched.values() for one in ones]:
            if watched.repeats == 0:
                self.on_release(attach_pb2.Release(path=watched.key, outcome=pb.OUTCOME_PASSED))
        for child in list(self.children.values()):
            self._advance(child)
        self._end_if_done()

    def on_release(self, release: attach_pb2.Release) -> None:
        """An outcome is known that something below waits for."""
        waiting_children = self.watch.plan.waiting_children.get(release.path, ())
        if not waiting_children or self.state is TierState.ENDED:
            return
        self.known.append(release)
        for node in waiting_children:
            child = self.children.get(node.template)
            if child is None:
                continue
            if child.gate.settle(release.path, release.outcome, release.reason):
                self._advance(child)
        inner = {node.template for node in waiting_children if node.children}
        for path, tier in list(self.tiers.items()):
            if template_of(path) not in inner:
                continue
            if tier is None:
                self._hall.tell_tier(path, release)
            else:
                tier.on_release(release)

    def on_started(self, job: Job) -> None:
        """A job's attempt runs."""
        job.phase = Phase.STARTED
        job.started += 1

    def on_attempt_finished(self, job: Job, end: event_pb2.AttemptFinished) -> None:
        """A job's attempt ended: try again if it was lost, else close the node."""
        if end.outcome == pb.OUTCOME_LOST and self._try_again(job):
            return
        self.close_job(job, result_of_end(end, job.attempt))

    def close_job(self, job: Job, result: event_pb2.Result) -> None:
        """Give a job its Result."""
        del self.jobs[job.path]
        node = job.node
        complete(result, node.kind, job.path, allow_failure=node.allow_failure, now=self._hall.now().wall)
        if not job.declared:
            self._hall.declare(job.node, job.path)
        self._hall.conclude(job.node, job.path, result)
        self.on_child_ended(job.child, job.path, result)

    def on_child_ended(self, child: Child, path: str, result: event_pb2.Result) -> None:
        """A child has its Result."""
        self.tiers.pop(path, None)
        child.live -= 1
        self._left -= 1
        self._fold.add(path, result)
        if child.issued < child.total:
            self._hall.wake(self)
        self._end_if_done()

    def count_failures(self, number: int) -> None:
        """Jobs failed somewhere below; above `max_fail` nothing new starts."""
        self.failed += number
        if 0 < self.node.max_fail <= self.failed and not self.virtual_root:
            self.stop(
                attach_pb2.Stop(
                    mode=attach_pb2.STOP_MODE_HOLD,
                    reason=pb.REASON_MAX_FAIL,
                    message=f"not started, because {plural(self.failed, 'job')} of {self.path} failed "
                    f"(max_fail: {self.node.max_fail})",
                )
            )

    def stop(self, order: attach_pb2.Stop) -> None:
        """Start nothing more, and end what runs unless the order is to hold."""
        hold = order.mode == attach_pb2.STOP_MODE_HOLD
        if self.state is TierState.ENDED:
            return
        if not hold:
            self.state = TierState.STOPPING
        elif self.state is TierState.RUNNING:
            self.state = TierState.HOLDING
        self.stop_order = self.stop_order or order
        for child in self.children.values():
            if child.closing is None and child.issued < child.total:
                self._close_rest(child, cancelled(order))
        for job in list(self.jobs.values()):
            if job.phase is not Phase.STARTED or not hold:
                self._hall.halt(job, order)
        for path, tier in list(self.tiers.items()):
            if tier is not None:
                tier.stop(order)
            else:
                self._hall.tell_tier(path, order)
        self._end_if_done()

    def stop_child(self, path: str, order: attach_pb2.Stop) -> bool:
        """End one child, whether it exists yet or not; False when there is no such child."""
        job = self.jobs.get(path)
        if job is not None:
            self._hall.halt(job, order)
            return True
        if path in self.tiers:
            tier = self.tiers[path]
            if tier is None:
                self._hall.tell_tier(path, order)
            else:
                tier.stop(order)
            return True
        return self._stop_unborn(path, order)

    def issue(self, budget: int) -> int:
        """Bring repeats into being as far as the windows allow; returns how many there were."""
        issued = 0
        for template, child in list(self._open.items()):
            if child.closing is not None or child.issued >= child.total:
                del self._open[template]
                continue
            window = WINDOW_TIERS if child.node.children else WINDOW_JOBS
            if child.node.template in self.watch.plan.mutually_waiting:
                window = child.total
            while child.issued < child.total and child.live < window and issued < budget:
                if self.state is not TierState.RUNNING:
                    return issued
                self._issue(child)
                issued += 1
        return issued

    # -- how it goes on

    def _advance(self, child: Child) -> None:
        state = child.gate.state
        if self.state is not TierState.RUNNING or child.closing is not None:
            return
        if state is GateState.OPEN and child.issued < child.total:
            self._open[child.node.template] = child
            self._hall.wake(self)
        elif state is GateState.SHUT:
            self._close_rest(child, child.gate.closing)

    def _issue(self, child: Child) -> None:
        number = child.issued
        index = child.index_at(number)
        path = join(self.path, child.node.ident, index)
        base = child.base + number * child.node.jobs
        child.issued += 1
        child.live += 1
        past = self._hall.past
        known = self._hall.recall(path) if past is not None else None
        if known is not None:
            self.on_child_ended(child, path, known)
            return
        skip = child.skipped.pop(-1 if index is None else index, None) if child.skipped else None
        if skip is not None:
            self._hall.close_later(self.close_child(child, path, cancelled(skip)))
        elif child.node.kind == pb.NODE_KIND_JOB:
            job = self.jobs[path] = Job(child.node, path, base, self, child)
            if past is not None and (attempts := past.attempts(path)):
                self._go_on(job, attempts)
            else:
                self._hall.enqueue(job)
        else:
            self.tiers[path] = None
            tier = self._hall.open_tier(child.node, path, base, self, child)
            if tier is None:
                return
            self.tiers[path] = tier
            tier.start()
            waiting_children = self.watch.plan.waiting_children
            for release in self.known:
                if any(node is child.node for node in waiting_children.get(release.path, ())):
                    tier.on_release(release)

    def released_for(self, node: PlanNode) -> list[attach_pb2.Release]:
        """What a child that starts now has to know."""
        waiting_children = self.watch.plan.waiting_children
        return [release for release in self.known if node in waiting_children.get(release.path, ())]

    def _go_on(self, job: Job, attempts: Attempts) -> None:
        """Take a job up where the daemon before left it."""
        *before, (job.attempt, end) = attempts
        job.started = len(attempts)
        job.lost = sum(1 for _, one in before if one.outcome == pb.OUTCOME_LOST)
        self.on_attempt_finished(job, end)

    def _try_again(self, job: Job) -> bool:
        allowed = job.node.settings.retries.lost if job.node.settings.retries.HasField("lost") else 1
        if job.lost >= allowed or job.stop is not None or self.state is not TierState.RUNNING:
            return False
        job.lost += 1
        job.attempt += 1
        job.phase = Phase.QUEUED
        self._hall.enqueue(job, alone=True)
        return True

    def _close_rest(self, child: Child, closing: Closing) -> None:
        child.closing = closing
        if child.issued < child.total:
            self._hall.close_later(self._closing(child, closing))

    def _closing(self, child: Child, closing: Closing) -> Iterator[None]:
        while child.issued < child.total:
            index = child.index_at(child.issued)
            child.issued += 1
            child.live += 1
            yield from self.close_child(child, join(self.path, child.node.ident, index), closing)

    def close_child(self, child: Child, path: str, closing: Closing) -> Iterator[None]:
        """Give a child that exists a Result, and all below it, a leaf a step."""
        results: list[event_pb2.Result] = []
        yield from close_unstarted(self._hall, child.node, path, closing, results)
        self.on_child_ended(child, path, results[0])

    def _stop_unborn(self, path: str, order: attach_pb2.Stop) -> bool:
        for child in self.children.values():
            if child.issued >= child.total or child.closing is not None:
                continue
            if child.node.repeats is None and join(self.path, child.node.ident) == path:
                self._close_rest(child, cancelled(order))
                return True
            prefix = join(self.path, child.node.ident) + "["
            if path.startswith(prefix) and path[len(prefix) : -1].isdigit():
                child.skipped[int(path[len(prefix) : -1])] = order
                return True
        return False

    def _end_if_done(self) -> None:
        if self.state is TierState.ENDED or self._left:
            return
        self.state = TierState.ENDED
        wall = self._hall.now().steady - self._began
        result = self._fold.finish(wall_nanos=wall, allow_failure=self.node.allow_failure)
        if not self.virtual_root:
            self._hall.conclude(self.node, self.path, result)
        self._hall.tier_ended(self, result)
