"""All tiers of one daemon, joined into a tree: the core of a root and of a tier daemon.

Invariant: inputs are calls, outputs are a list of actions, and each call is given the time.
"""

from collections.abc import Sequence

from gator.core.attempt.hooks import HookEnd
from gator.core.moment import Moment
from gator.core.tree.actions import Action, OpenTier, StopAttempt, TellTier
from gator.core.tree.child import Phase
from gator.core.tree.close import cancelled
from gator.core.tree.gate import Closing
from gator.core.tree.outcomes.restored import Past
from gator.core.tree.outcomes.results import lost, result_of_end
from gator.core.tree.state import TreeState
from gator.core.tree.tree_port import JobChild
from gator.node_paths import parent_of, template_of
from gator.plan import Plan
from gator.v1 import attach_pb2, common_pb2, event_pb2


class Tree:
    """The tiers and jobs of a plan that live in this daemon.

    `remote` names the templates whose tiers run in other daemons.
    """

    def __init__(self, plan: Plan, *, remote: frozenset[str] = frozenset()) -> None:
        self._state = TreeState(plan, remote)
        self.plan = plan
        self.tally = self._state.tally
        """Jobs by state. A live view, as are `jobs` and `remotes`."""
        self.jobs = self._state.jobs
        """Jobs between hand-out and Result, by path."""
        self.remotes = self._state.remotes

    # ---- inputs

    def start(self, now: Moment) -> None:
        """Starts the root of the plan."""
        state = self._state
        state.advance(now)
        root = self.plan.root
        self.tally.waiting = root.jobs
        virtual_root = state.add_virtual_root()
        # The deadline runs from the start of the run, even if the root is a job that has to wait.
        state.set_deadline(root, root.ident)
        virtual_root.start()

    def open(
        self, path: str, released: Sequence[attach_pb2.Release], now: Moment, past: Past | None = None
    ) -> None:
        """Starts one tier on behalf of a parent in another daemon; its end is a `TierEnded`.

        `past` is its record from the daemons that had it before.
        """
        state = self._state
        state.advance(now)
        state.remember(past)
        node = self.plan.nodes[template_of(path)]
        tier = state.add_tier(node, path, node.order, None, None)
        self.tally.waiting += node.jobs
        tier.start()
        for release in released:
            tier.on_release(release)

    def declare_attempt(self, path: str, attempt: int, now: Moment) -> JobChild | None:
        """Records that the node of an attempt exists, before the attempt is handed out.

        Returns the job, or None if the attempt is no longer wanted.
        """
        self._state.advance(now)
        job = self.jobs.get(path)
        if job is None or job.attempt != attempt:
            return None
        if not job.declared:
            job.declared = True
            self._state.declare(job.node, path)
        if job.phase is Phase.QUEUED:
            job.phase = Phase.OUT
        return job

    def on_withdrawn(self, path: str, attempt: int, now: Moment) -> None:
        """Closes a job whose attempt was dequeued."""
        self._state.advance(now)
        job = self.jobs.get(path)
        if job is None or job.attempt != attempt or job.stop is None:
            return
        if job.failed is not None:
            # It has failed already, and is not tried again.
            job.tier.close_job(job, result_of_end(job.failed, job.started))
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
        """Records that an attempt that was prefetched is queued again."""
        job = self.jobs.get(path)
        if job is not None and job.attempt == attempt and job.phase is Phase.OUT:
            job.phase = Phase.QUEUED

    def on_started(self, path: str, attempt: int, now: Moment) -> bool:
        """Records that an attempt's process runs; returns False if the attempt is already closed."""
        self._state.advance(now)
        job = self.jobs.get(path)
        if job is None or job.attempt != attempt or job.phase is Phase.STARTED:
            return False
        job.tier.on_started(job)
        self.tally.waiting -= 1
        self.tally.running += 1
        if job.started == 1:
            self._state.set_deadline(job.node, path)
        if job.stop is not None and job.stop.mode != attach_pb2.STOP_MODE_HOLD:
            self._state.act(StopAttempt(path, attempt, job.stop))
        return True

    def on_attempt_finished(
        self, path: str, attempt: int, end: event_pb2.AttemptFinished, now: Moment
    ) -> bool:
        """Retries or closes the job of an attempt that ended.

        Returns False, and changes nothing, if the attempt is already closed.
        """
        self._state.advance(now)
        job = self.jobs.get(path)
        if job is None or job.attempt != attempt or job.phase in (Phase.QUEUED, Phase.WAITING):
            return False
        if job.phase is Phase.STARTED:
            self.tally.running -= 1
            self.tally.waiting += 1
        job.phase = Phase.OUT
        job.tier.on_attempt_finished(job, end)
        return True

    def on_hook(self, path: str, end: HookEnd, now: Moment) -> None:
        """Handles the end of a hook of a group."""
        self._state.advance(now)
        tier = self._state.tiers.get(path)
        if tier is not None:
            tier.on_hook(end)

    def on_attempt_lost(self, path: str, attempt: int, why: str, now: Moment) -> None:
        """Retries or closes the job of a started attempt whose daemon died."""
        self.on_attempt_finished(path, attempt, lost(why), now)

    def on_remote_result(self, path: str, result: event_pb2.Result, now: Moment) -> None:
        """Announces the Result of a node that lives in another daemon."""
        state = self._state
        state.advance(now)
        node = self.plan.nodes.get(template_of(path))
        if node is None:
            return
        self.remotes.end(path)
        state.announce(node, path, result)
        remote = self.remotes.pop(path)
        if remote is not None:
            remote.tier.on_child_ended(remote.child, path, result)

    def on_remote_started(self, path: str) -> None:
        """Counts a job in another daemon as running."""
        self.remotes.start(path)

    def reopen(self, path: str, before: tuple[str, ...], now: Moment) -> None:
        """Opens a tier whose daemon died in another one; `before` names the daemons that had it."""
        state = self._state
        state.advance(now)
        remote = self.remotes.get(path)
        if remote is None:
            return
        node = remote.child.node
        released = tuple(remote.tier.released_for(node))
        state.act(OpenTier(path, node, self.plan.seed(path), released, before))
        state.act(*(TellTier(path, stop) for stop in remote.stops))

    def close_remote(self, path: str, past: Past, closing: Closing, now: Moment) -> None:
        """Closes a tier whose daemon died, and every node below it that has no Result, from here."""
        state = self._state
        state.advance(now)
        remote = self.remotes.pop(path)
        if remote is not None:
            past.counted = True
            state.remember(past)
            state.close_later(remote.tier.close_child(remote.child, path, closing))

    def on_release(self, release: attach_pb2.Release, now: Moment) -> None:
        """Passes on an outcome from above that a node here waits for."""
        self._state.advance(now)
        for tier in list(self._state.tiers.values()):
            if tier.parent is None:
                tier.on_release(release)

    def stop(self, request: attach_pb2.Stop, now: Moment) -> bool:
        """Ends a node and all below it, or the whole tree if the path is empty.

        Returns False if there is no such node, or if it has ended.
        """
        state = self._state
        state.advance(now)
        path = request.path
        virtual_root = state.virtual_root
        if not path or (virtual_root is not None and path == self.plan.root.ident):
            tops = [tier for tier in state.tiers.values() if tier.parent is None]
            for tier in [virtual_root, *tops] if virtual_root is not None else tops:
                tier.stop(request)
            return True
        if path in state.tiers:
            state.tiers[path].stop(request)
            return True
        parent = state.tiers.get(parent_of(path))
        if parent is not None:
            return parent.stop_child(path, request)
        holder = self.remotes.holder(path)
        if holder is not None:
            state.send_to_tier(holder, request)
        return holder is not None

    def on_time(self, now: Moment) -> None:
        """Ends the nodes whose deadlines have passed, and tries jobs again whose delays are over."""
        self._state.advance(now)
        self._state.end_delays()
        for path in self._state.deadlines.passed(now.boot):
            self.stop(
                attach_pb2.Stop(
                    path=path,
                    mode=attach_pb2.STOP_MODE_GRACEFUL,
                    reason=common_pb2.REASON_DEADLINE,
                    message=f"the deadline of {path} passed",
                ),
                now,
            )

    def step(self, now: Moment, budget: int = 200) -> bool:
        """Carries out at most `budget` of the steps that can wait; returns whether there are more."""
        self._state.advance(now)
        return self._state.steps.run(budget)

    # ---- outputs

    def take(self) -> list[Action]:
        """Returns the actions since the last call, in order."""
        return self._state.take()

    @property
    def wake_at(self) -> int | None:
        """When to call `on_time`, in nanoseconds of the `boot` clock; None for never."""
        times = (self._state.deadlines.next, self._state.delays.next)
        return min((time for time in times if time is not None), default=None)

    @property
    def ended(self) -> bool:
        """Whether nothing lives here any more."""
        state = self._state
        return state.virtual_root is None and not state.tiers and not state.steps.is_closing
