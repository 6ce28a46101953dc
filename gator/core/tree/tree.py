"""All tiers that one daemon hosts, joined with each other: the heart of a root and of a tier daemon.

The rule: inputs are calls, outputs are a list of actions; time comes in with each call.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from gator.core.moment import Moment
from gator.core.outcomes import FAILURES
from gator.core.tree.actions import (
    Action,
    Dequeue,
    Enqueue,
    OpenTier,
    Record,
    StopAttempt,
    TellTier,
    TierEnded,
)
from gator.core.tree.close import cancelled
from gator.core.tree.deadlines import Deadlines
from gator.core.tree.declared import declared_of
from gator.core.tree.gate import Closing
from gator.core.tree.remote_tiers import Remotes
from gator.core.tree.restored import Past
from gator.core.tree.results import count_result, lost
from gator.core.tree.tier import Child, Job, Phase, Tier
from gator.core.tree.watch import WatchPlans
from gator.node_paths import ancestors, parent_of, template_of
from gator.plan import Plan, PlanNode
from gator.v1 import attach_pb2, event_pb2
from gator.v1 import common_pb2 as pb


class Tree:
    """Tiers and jobs of a plan, as far as they live here.

    `remote` says whether a node's tier shall run in another daemon.
    """

    def __init__(self, plan: Plan, *, remote: frozenset[str] = frozenset()) -> None:
        self.plan = plan
        self.tally = event_pb2.Tally()
        self.jobs: dict[str, Job] = {}
        self.past: Past | None = None
        """What is known of nodes from before they came here."""
        self._now = Moment(0, 0, 0)
        self._remote = remote
        self._watches = WatchPlans(plan)
        self._tiers: dict[str, Tier] = {}
        self.remotes = Remotes(self.tally)
        self._virtual_roots: dict[str, Tier] = {}
        self._actions: list[Action] = []
        self._closing: deque[Iterator[None]] = deque()
        self._awake: dict[Tier, None] = {}
        self._deadlines = Deadlines()

    # -- inputs

    def start(self, now: Moment) -> None:
        """Start the root of the plan."""
        self._now = now
        root = self.plan.root
        self.tally.waiting = root.jobs
        virtual_root = Tier(self, root, "", base=0, watch=self._watches.of(root), virtual_root=True)
        self._virtual_roots[root.ident] = virtual_root
        # From the start of the run, also where the root is a job that has to wait.
        self._arm(root, root.ident)
        virtual_root.start()

    def open(
        self, path: str, released: Sequence[attach_pb2.Release], now: Moment, past: Past | None = None
    ) -> None:
        """Start one tier on behalf of a parent in another daemon; its end is a `TierEnded`.

        `past` is what became of it in the daemons that had it before.
        """
        self._now = now
        self._remember(past)
        node = self.plan.nodes[template_of(path)]
        tier = Tier(self, node, path, base=node.order, watch=self._watches.of(node))
        self._tiers[path] = tier
        self.tally.waiting += node.jobs
        self._arm(node, path)
        tier.start()
        for release in released:
            tier.on_release(release)

    def declare_attempt(self, path: str, attempt: int, now: Moment) -> Job | None:
        """An attempt is about to be handed out: record that its node exists.

        Returns the job, or None when the attempt is not wanted any more.
        """
        self._now = now
        job = self.jobs.get(path)
        if job is None or job.attempt != attempt:
            return None
        if not job.declared:
            job.declared = True
            self.declare(job.node, path)
        if job.phase is Phase.QUEUED:
            job.phase = Phase.OUT
        return job

    def on_withdrawn(self, path: str, attempt: int, now: Moment) -> None:
        """An attempt that was to be dequeued will not start."""
        self._now = now
        job = self.jobs.get(path)
        if job is None or job.attempt != attempt or job.stop is None:
            return
        closing = cancelled(job.stop)
        result = event_pb2.Result(
            outcome=closing.outcome,
            reason=closing.reason,
            message=closing.message,
            attempts=job.started,
        )
        job.tier.close_job(job, result)

    def on_given_back(self, path: str, attempt: int) -> None:
        """An attempt that was handed out ahead is queued again."""
        job = self.jobs.get(path)
        if job is not None and job.attempt == attempt and job.phase is Phase.OUT:
            job.phase = Phase.QUEUED

    def on_started(self, path: str, attempt: int, now: Moment) -> bool:
        """An attempt's process runs; False when the attempt is closed already."""
        self._now = now
        job = self.jobs.get(path)
        if job is None or job.attempt != attempt or job.phase is Phase.STARTED:
            return False
        job.tier.on_started(job)
        self.tally.waiting -= 1
        self.tally.running += 1
        if job.started == 1:
            self._arm(job.node, path)
        if job.stop is not None and job.stop.mode != attach_pb2.STOP_MODE_HOLD:
            self._actions.append(StopAttempt(path, attempt, job.stop))
        return True

    def on_attempt_finished(
        self, path: str, attempt: int, end: event_pb2.AttemptFinished, now: Moment
    ) -> bool:
        """An attempt ended; False when the attempt is closed already, which is to be ignored."""
        self._now = now
        job = self.jobs.get(path)
        if job is None or job.attempt != attempt or job.phase is Phase.QUEUED:
            return False
        self._leave(job)
        job.tier.on_attempt_finished(job, end)
        return True

    def on_attempt_lost(self, path: str, attempt: int, why: str, now: Moment) -> None:
        """The daemon of a started attempt died."""
        self.on_attempt_finished(path, attempt, lost(why), now)

    def on_remote_result(self, path: str, result: event_pb2.Result, now: Moment) -> None:
        """A node that lives in another daemon has its Result."""
        self._now = now
        node = self.plan.nodes.get(template_of(path))
        if node is None:
            return
        self.remotes.end(path)
        self._announce(node, path, result)
        remote = self.remotes.pop(path)
        if remote is not None:
            remote.tier.on_child_ended(remote.child, path, result)

    def on_remote_started(self, path: str) -> None:
        """A job that lives in another daemon started."""
        self.remotes.start(path)

    def reopen(self, path: str, before: tuple[str, ...], now: Moment) -> None:
        """Open a tier whose daemon died in another one; `before` names the daemons that had it."""
        self._now = now
        remote = self.remotes.get(path)
        if remote is None:
            return
        node = remote.child.node
        released = tuple(remote.tier.released_for(node))
        self._actions.append(OpenTier(path, node, self.plan.seed(path), released, before))
        self._actions += [TellTier(path, stop) for stop in remote.stops]

    def close_remote(self, path: str, past: Past, closing: Closing, now: Moment) -> None:
        """Close a tier whose daemon died, and whatever is missing below it, from here."""
        self._now = now
        remote = self.remotes.pop(path)
        if remote is not None:
            past.counted = True
            self._remember(past)
            self._closing.append(remote.tier.close_child(remote.child, path, closing))

    def on_release(self, release: attach_pb2.Release, now: Moment) -> None:
        """An outcome from above that something here waits for."""
        self._now = now
        for tier in list(self._tiers.values()):
            if tier.parent is None:
                tier.on_release(release)

    def stop(self, order: attach_pb2.Stop, now: Moment) -> bool:
        """End a node and all below it, the whole tree when the path is empty.

        False when there is no such node, or it has ended.
        """
        self._now = now
        path = order.path
        if not path or path in self._virtual_roots:
            tops = [tier for tier in self._tiers.values() if tier.parent is None]
            for tier in [*self._virtual_roots.values(), *tops]:
                tier.stop(order)
            return True
        if path in self._tiers:
            self._tiers[path].stop(order)
            return True
        parent = self._tiers.get(parent_of(path))
        if parent is not None:
            return parent.stop_child(path, order)
        holder = self.remotes.holder(path)
        if holder is not None:
            self.tell_tier(holder, order)
        return holder is not None

    def on_time(self, now: Moment) -> None:
        """Enforce the deadlines that have passed."""
        self._now = now
        for path in self._deadlines.passed(now.boot):
            self.stop(
                attach_pb2.Stop(
                    path=path,
                    mode=attach_pb2.STOP_MODE_GRACEFUL,
                    reason=pb.REASON_DEADLINE,
                    message=f"the deadline of {path} passed",
                ),
                now,
            )

    def step(self, now: Moment, budget: int = 200) -> bool:
        """Do a bounded part of what can wait; whether there is more."""
        self._now = now
        while budget > 0 and (self._closing or self._awake):
            if self._closing:
                try:
                    next(self._closing[0])
                except StopIteration:
                    self._closing.popleft()
                budget -= 1
            else:
                tier = next(iter(self._awake))
                # Taken off first: what it issues may end at once and wake it again.
                del self._awake[tier]
                issued = tier.issue(budget)
                if issued >= budget:
                    self._awake[tier] = None
                budget -= issued + 1
        return bool(self._closing or self._awake)

    # -- outputs

    def take(self) -> list[Action]:
        """The actions since the last call, in order."""
        actions, self._actions = self._actions, []
        return actions

    @property
    def wake_at(self) -> int | None:
        """When `on_time` wants to be called, on the `boot` clock; None for never."""
        return self._deadlines.next

    @property
    def ended(self) -> bool:
        """Whether nothing lives here any more."""
        return not (self._virtual_roots or self._tiers or self._closing)

    # -- what tiers ask for (the Hall)

    def now(self) -> Moment:
        """Returns the time of the input being handled."""
        return self._now

    def began(self, path: str) -> Moment:
        """Returns when a node began: now, unless another daemon ran it before."""
        declared = self.past.declared.get(path) if self.past is not None else None
        return self._now if declared is None else self._now.since(declared)

    def declare(self, node: PlanNode, path: str) -> None:
        """Record that a node exists, unless that stands there already."""
        if self.past is not None and path in self.past.declared:
            return
        declared = declared_of(node, path, self.plan.seed(path))
        self._record(event_pb2.Event(path=path, declared=declared))

    def conclude(self, node: PlanNode, path: str, result: event_pb2.Result) -> None:
        """Record a node's Result and let those above know."""
        self._record(event_pb2.Event(path=path, result=result))
        self._announce(node, path, result)

    def recall(self, path: str) -> event_pb2.Result | None:
        """The Result that a node had before; it and those below it count from now on."""
        if self.past is None or path not in self.past.results:
            return None
        if not self.past.counted:
            for below, result in self.past.at_or_below(path):
                self._announce(self.plan.nodes[template_of(below)], below, result)
        return self.past.results[path]

    def enqueue(self, job: Job, *, alone: bool = False) -> None:
        """Let an attempt start when the resources allow."""
        self.jobs[job.path] = job
        self._actions.append(Enqueue(job.path, job.attempt, job.node, job.order, alone))

    def halt(self, job: Job, stop: attach_pb2.Stop) -> None:
        """End a job, wherever it is."""
        order = attach_pb2.Stop(
            path=job.path,
            mode=stop.mode,
            reason=stop.reason or pb.REASON_CANCELLED,
            message=stop.message,
        )
        job.stop = order
        if job.phase is Phase.STARTED:
            self._actions.append(StopAttempt(job.path, job.attempt, order))
        else:
            self._actions.append(Dequeue(job.path, job.attempt, order))

    def open_tier(self, node: PlanNode, path: str, base: int, parent: Tier, child: Child) -> Tier | None:
        """Start the tier of a child here, or have it started in another daemon."""
        if node.template in self._remote:
            self.remotes.add(path, parent, child)
            released = tuple(parent.released_for(node))
            self._actions.append(OpenTier(path, node, self.plan.seed(path), released))
            return None
        tier = Tier(self, node, path, base=base, watch=self._watches.of(node), parent=parent, slot=child)
        self._tiers[path] = tier
        self._arm(node, path)
        return tier

    def tell_tier(self, path: str, order: attach_pb2.Release | attach_pb2.Stop) -> None:
        """Pass an order on to a tier in another daemon."""
        self.remotes.note(path, order)
        self._actions.append(TellTier(path, order))

    def close_later(self, steps: Iterator[None]) -> None:
        """Go through steps a few at a time."""
        self._closing.append(steps)

    def wake(self, tier: Tier) -> None:
        """Let a tier issue more of its repeats soon."""
        self._awake[tier] = None

    def tier_ended(self, tier: Tier, result: event_pb2.Result) -> None:
        """Forget a tier and pass its Result on."""
        self._awake.pop(tier, None)
        if tier.virtual_root:
            self._virtual_roots.clear()
        else:
            self._tiers.pop(tier.path, None)
        if tier.parent is not None and tier.slot is not None:
            tier.parent.on_child_ended(tier.slot, tier.path, result)
        else:
            path = self.plan.root.ident if tier.virtual_root else tier.path
            self._actions.append(TierEnded(path, result))

    # -- within

    def _record(self, event: event_pb2.Event) -> None:
        event.time_unix_nanos = self._now.wall
        self._actions.append(Record(event))

    def _arm(self, node: PlanNode, path: str) -> None:
        self._deadlines.set(path, self.began(path).boot, node.deadline_millis)

    def _remember(self, past: Past | None) -> None:
        if self.past is None:
            self.past = past
        elif past is not None:
            self.past.update(past)

    def _leave(self, job: Job) -> None:
        if job.phase is Phase.STARTED:
            self.tally.running -= 1
            self.tally.waiting += 1
        job.phase = Phase.OUT

    def _announce(self, node: PlanNode, path: str, result: event_pb2.Result) -> None:
        """Count a Result, and tell the tiers above that watch for it."""
        if node.kind == pb.NODE_KIND_JOB:
            self.jobs.pop(path, None)
            count_result(self.tally, result)
            if result.outcome in FAILURES:
                for above in ancestors(path):
                    tier = self._tiers.get(above)
                    if tier is not None and tier.node.max_fail:
                        tier.count_failures(1)
        for common in self._watches.commons_of(node.template):
            for above in ancestors(path):
                tier = self._tiers.get(above)
                if tier is not None and tier.node is common:
                    below = path[len(above) + 1 :]
                    for release in tier.watch.on_result(below, node.template, result.outcome, result.reason):
                        tier.on_release(release)
                    break
