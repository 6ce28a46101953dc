"""The state of a tree: tiers, jobs and counts, and the actions decided so far.

Tiers see it as their `TreePort`; inputs from outside go through `Tree`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gator.core.history.cause_rules import CauseRules, root_causes
from gator.core.moment import Moment
from gator.core.outcomes import FAILURES
from gator.core.tree.actions import (
    Action,
    Dequeue,
    Enqueue,
    OpenTier,
    Record,
    RunHook,
    StopAttempt,
    StopHook,
    TellTier,
    TierEnded,
)
from gator.core.tree.child import Child, Phase
from gator.core.tree.limits import Deadlines
from gator.core.tree.outcomes.restored import Past
from gator.core.tree.outcomes.results import count_result
from gator.core.tree.remote_tiers import Remotes
from gator.core.tree.step_queue import StepQueue
from gator.core.tree.tier import Tier
from gator.core.tree.tree_port import JobChild
from gator.core.tree.watch import WatchPlans
from gator.node_paths import ancestors, template_of
from gator.plan import Plan, PlanNode, sort_key
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2

if TYPE_CHECKING:
    from gator.core.tree.hooks import TierHooks


class TreeState:
    """Everything that a tree knows. `remote` names the templates whose tiers run in other daemons."""

    def __init__(self, plan: Plan, remote: frozenset[str]) -> None:
        self.plan = plan
        self.tally = event_pb2.Tally()
        self.jobs: dict[str, JobChild] = {}
        self.tiers: dict[str, Tier] = {}
        self.virtual_root: Tier | None = None
        """The tier above the root, while the root runs here."""
        self.remotes = Remotes(self.tally)
        self.deadlines = Deadlines()
        self.delays = Deadlines()
        """When jobs that wait after a failure are tried again."""
        self.steps = StepQueue()
        self._remote = remote
        self._watches = WatchPlans(plan)
        self._rules = CauseRules(root_causes(plan.request))
        self._past: Past | None = None
        self._now = Moment(0, 0, 0)
        self._actions: list[Action] = []

    def advance(self, now: Moment) -> None:
        """Sets the time of the input that is handled next."""
        self._now = now

    def act(self, *actions: Action) -> None:
        """Adds actions."""
        self._actions.extend(actions)

    def take(self) -> list[Action]:
        """Returns the actions since the last call, in order."""
        actions, self._actions = self._actions, []
        return actions

    def add_virtual_root(self) -> Tier:
        """Adds the tier above the root."""
        root = self.plan.root
        self.virtual_root = Tier(self, root, "", base=0, watch=self._watches.of(root), virtual_root=True)
        return self.virtual_root

    def add_tier(self, node: PlanNode, path: str, base: int, parent: Tier | None, slot: Child | None) -> Tier:
        """Adds a tier, without starting it; `parent` is None if that lives in another daemon."""
        tier = Tier(self, node, path, base=base, watch=self._watches.of(node), parent=parent, slot=slot)
        self.tiers[path] = tier
        self.set_deadline(node, path)
        return tier

    def set_deadline(self, node: PlanNode, path: str) -> None:
        """Starts the deadline of a node that has begun."""
        self.deadlines.set(path, self.began(path).boot, node.resolved_at(path).deadline_millis)

    def remember(self, past: Past | None) -> None:
        """Adds the record of nodes from daemons that have died."""
        if self._past is None:
            self._past = past
        elif past is not None:
            self._past.update(past)

    def announce(self, node: PlanNode, path: str, result: event_pb2.Result) -> None:
        """Counts a Result, and tells the tiers that watch for it."""
        if node.kind == common_pb2.NODE_KIND_JOB:
            self.jobs.pop(path, None)
            count_result(self.tally, result)
            if result.outcome in FAILURES:
                for above in ancestors(path):
                    tier = self.tiers.get(above)
                    if tier is None:
                        continue
                    if tier.values.max_fail:
                        tier.count_failures(1)
                    if tier.values.max_fail_per_cause:
                        tier.count_cause(self._rules.key_of(path, result))
        for common in self._watches.commons_of(node.template):
            for above in ancestors(path):
                tier = self.tiers.get(above)
                if tier is not None and tier.node is common:
                    below = path[len(above) + 1 :]
                    for release in tier.watch.on_result(below, node.template, result.outcome, result.reason):
                        tier.on_release(release)
                    break

    # ---- TreePort

    @property
    def past(self) -> Past | None:
        """The record of nodes from before they were here; None if there is none."""
        return self._past

    def now(self) -> Moment:
        """Returns the time of the input being handled."""
        return self._now

    def began(self, path: str) -> Moment:
        """Returns when a node began: now, unless another daemon ran it before."""
        declared = self._past.declared.get(path) if self._past is not None else None
        return self._now if declared is None else self._now.since(declared)

    def declare(self, node: PlanNode, path: str) -> None:
        """Records that a node exists, unless that was recorded before."""
        if self._past is not None and path in self._past.declared:
            return
        declared = _declared(node, path, self.plan.seed(path))
        self._record(event_pb2.Event(path=path, declared=declared))

    def conclude(self, node: PlanNode, path: str, result: event_pb2.Result) -> None:
        """Records a node's Result and announces it."""
        self._record(event_pb2.Event(path=path, result=result))
        self.announce(node, path, result)

    def recall(self, path: str) -> event_pb2.Result | None:
        """Returns the Result that a node had before; from now on it counts, with those below it."""
        if self._past is None or path not in self._past.results:
            return None
        if not self._past.counted:
            for below, result in self._past.at_or_below(path):
                self.announce(self.plan.nodes[template_of(below)], below, result)
        return self._past.results[path]

    def hooks(self, node: PlanNode, path: str) -> spec_pb2.Hooks:
        """Returns the hooks of an instance of a group or array."""
        return self.plan.hooks(node, path)

    def contracts(self, node: PlanNode, path: str) -> Sequence[spec_pb2.Contract]:
        """Returns the contracts of an instance of a group or array on metrics."""
        return self.plan.contracts(node, path)

    def run_hook(self, tier: Tier, hooks: "TierHooks", name: str) -> None:
        """Runs a hook of a tier."""
        sequence = hooks.sequence
        # By this event the catalogue knows that there is output of the group itself.
        self._record(event_pb2.Event(path=tier.path, progress=event_pb2.Progress(text=f"hook {name}")))
        text = getattr(sequence.hooks, name)
        seed = self.plan.seed(tier.path)
        self._actions.append(
            RunHook(
                tier.path, tier.node, seed, name, text, sequence.timeout_nanos, hooks.outcome, hooks.reason
            )
        )

    def stop_hook(self, tier: Tier, number: int) -> None:
        """Sends a signal to the hook of a tier that runs."""
        self._actions.append(StopHook(tier.path, number))

    def log(self, path: str, logs: Iterable[event_pb2.LogEvent]) -> None:
        """Records messages about a group after one of its hooks."""
        for log in logs:
            self._record(event_pb2.Event(path=path, log=log))
        self._record(event_pb2.Event(path=path, progress=event_pb2.Progress()))

    def enqueue(self, job: JobChild, *, alone: bool = False) -> None:
        """Queues an attempt, which starts when the resources allow."""
        self.jobs[job.path] = job
        self._actions.append(Enqueue(job.path, job.attempt, job.node, job.order, alone))

    def enqueue_later(self, job: JobChild, millis: int) -> None:
        """Queues an attempt after a delay."""
        self.jobs[job.path] = job
        self.delays.set(job.path, self._now.boot, millis)

    def end_delays(self) -> None:
        """Queues the jobs whose delays are over."""
        for path in self.delays.passed(self._now.boot):
            job = self.jobs.get(path)
            if job is not None and job.phase is Phase.WAITING:
                job.phase = Phase.QUEUED
                self.enqueue(job)

    def halt(self, job: JobChild, stop: attach_pb2.Stop) -> None:
        """Ends a job, whether it is queued, handed out or running."""
        request = attach_pb2.Stop(
            path=job.path,
            mode=stop.mode,
            reason=stop.reason or common_pb2.REASON_CANCELLED,
            message=stop.message,
        )
        job.stop = request
        if job.phase is Phase.STARTED:
            self._actions.append(StopAttempt(job.path, job.attempt, request))
        else:
            self._actions.append(Dequeue(job.path, job.attempt, request))

    def open_tier(self, node: PlanNode, path: str, base: int, parent: Tier, child: Child) -> Tier | None:
        """Opens the tier of a child; returns None if it runs in another daemon."""
        if node.template in self._remote:
            self.remotes.add(path, parent, child)
            released = tuple(parent.released_for(node))
            self._actions.append(OpenTier(path, node, self.plan.seed(path), released))
            return None
        return self.add_tier(node, path, base, parent, child)

    def send_to_tier(self, path: str, message: attach_pb2.Release | attach_pb2.Stop) -> None:
        """Sends a message to a tier in another daemon."""
        self.remotes.note(path, message)
        self._actions.append(TellTier(path, message))

    def close_later(self, steps: Iterator[None]) -> None:
        """Queues the steps that close a node; a few are taken at a time."""
        self.steps.close_later(steps)

    def wake(self, tier: Tier) -> None:
        """Schedules a tier to issue more of its repeats."""
        self.steps.wake(tier)

    def tier_ended(self, tier: Tier, result: event_pb2.Result) -> None:
        """Removes a tier and passes its Result on."""
        self.steps.forget(tier)
        if tier is self.virtual_root:
            self.virtual_root = None
        else:
            self.tiers.pop(tier.path, None)
        if tier.parent is not None and tier.slot is not None:
            tier.parent.on_child_ended(tier.slot, tier.path, result)
        else:
            path = self.plan.root.ident if tier.virtual_root else tier.path
            self._actions.append(TierEnded(path, result))

    def _record(self, event: event_pb2.Event) -> None:
        event.time_unix_nanos = self._now.wall
        self._actions.append(Record(event))


def _declared(node: PlanNode, path: str, seed: int) -> event_pb2.Declared:
    """Returns the declaration of the node instance with this path and seed.

    It follows from the plan alone, so that all daemons declare a node alike.
    """
    values = node.resolved_at(path)
    declared = event_pb2.Declared(
        kind=node.kind,
        children=sum(child.instances for child in node.children),
        jobs=node.jobs,
        seed=seed,
        allow_failure=values.allow_failure,
        tags=node.tags,
        priority=values.weight,
        sort_key=sort_key(node, path),
    )
    if node.kind == common_pb2.NODE_KIND_JOB:
        declared.demand.CopyFrom(values.demand)
    return declared
