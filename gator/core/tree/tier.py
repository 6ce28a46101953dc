"""The logic of a group or array: starts children when their gates open, and folds their Results.

Invariant: a tier knows only its own children. Everything else goes through its `TreePort`, the tree it lives
in, so that a child tier may live in another daemon.
"""

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gator.core.attempt.hooks import BEFORE, HookEnd
from gator.core.outcomes import FAILURES
from gator.core.tree.child import Child, Phase, TierState
from gator.core.tree.close import cancelled, close_unstarted, left_out
from gator.core.tree.gate import WINDOW_JOBS, WINDOW_TIERS, Closing, Gate, GateState
from gator.core.tree.limits import FailureLimits
from gator.core.tree.outcomes.group_result import GroupFold
from gator.core.tree.outcomes.results import complete, result_of_attempts
from gator.core.tree.retries import next_attempt, resume
from gator.core.tree.tree_port import JobChild, TreePort
from gator.core.tree.watch import Watch, WatchPlan
from gator.node_paths import join, template_of
from gator.plan import PlanNode
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2

if TYPE_CHECKING:
    from gator.core.tree.hooks import TierHooks


class Tier:
    """One instance of a group or array. `virtual_root` marks the unrecorded tier above the root."""

    def __init__(
        self,
        tree: "TreePort[Tier]",
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
        self.values = node.resolved_at(path)
        """The node with the values of its keys in this instance."""
        self.virtual_root = virtual_root
        self.state = TierState.RUNNING
        self.stop_order: attach_pb2.Stop | None = None
        self.jobs: dict[str, JobChild] = {}
        self.tiers: dict[str, Tier | None] = {}
        self.watch = Watch(watch)
        self.children: dict[str, Child] = {}
        self._tree = tree
        self._failures = FailureLimits(path, self.values)
        self._fold = GroupFold()
        self._open: dict[str, Child] = {}
        self._left = 0
        self._began = tree.now().steady
        self._hooks = (
            None if self.values.hooks is None or virtual_root else _hooks(path, tree.hooks(node, path))
        )
        for each in [node] if virtual_root else node.children:
            total = 1 if each.repeats is None or virtual_root else len(each.indices)
            self.children[each.template] = Child(each, Gate(() if virtual_root else each.waits), base, total)
            base += total * each.jobs
            self._left += total

    # ---- inputs

    def start(self) -> None:
        """Declares the node and opens the children that wait for nothing."""
        if not self.virtual_root:
            self._tree.declare(self.node, self.path)
        if self._tree.past is not None:
            self._began = self._tree.began(self.path).steady
        if self._hooks is not None and self._hooks.begin():
            self._tree.run_hook(self, self._hooks, BEFORE)
        for release in list(self.watch.unrepeated()):
            self.on_release(release)
        for child in list(self.children.values()):
            self._leave_out(child)
            self._advance(child)
        self._end_if_done()

    def on_release(self, release: attach_pb2.Release) -> None:
        """Handles an outcome that a node below waits for."""
        waiting_children = self.watch.waiting_for(release)
        if not waiting_children or self.state is TierState.ENDED:
            return
        self.watch.known.append(release)
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
                self._tree.send_to_tier(path, release)
            else:
                tier.on_release(release)

    def on_hook(self, end: HookEnd) -> None:
        """Handles the end of a hook. If the one before the children failed, none of them starts."""
        hooks = self._hooks
        if hooks is None:
            return
        self._tree.log(self.path, hooks.logs_of(end))
        if hooks.is_preparing:
            hooks.take_before(end, was_stopped=self.stop_order is not None)
            for child in list(self.children.values()):
                if hooks.failure and child.closing is None:
                    self._close_rest(child, hooks.closing())
                else:
                    self._advance(child)
            self._end_if_done()
        elif name := hooks.sequence.next():
            self._tree.run_hook(self, hooks, name)
        else:
            self._conclude()

    def on_started(self, job: JobChild) -> None:
        """Records that a job's attempt runs."""
        job.phase = Phase.STARTED
        job.started += 1

    def on_attempt_finished(self, job: JobChild, end: event_pb2.AttemptFinished) -> None:
        """Tries a job again whose attempt was lost or failed, as far as its spec allows; else closes it."""
        if end.outcome in FAILURES and self._try_again(job, end):
            return
        self.close_job(
            job, result_of_attempts(end, job.attempt, job.failed, job.node.resolved_at(job.path).settings)
        )

    def close_job(self, job: JobChild, result: event_pb2.Result) -> None:
        """Sets the Result of a job."""
        del self.jobs[job.path]
        node = job.node
        allowed = node.resolved_at(job.path).allow_failure
        complete(result, node.kind, job.path, allow_failure=allowed, now=self._tree.now().wall)
        if not job.declared:
            self._tree.declare(job.node, job.path)
        self._tree.conclude(job.node, job.path, result)
        self.on_child_ended(job.child, job.path, result)

    def on_child_ended(self, child: Child, path: str, result: event_pb2.Result) -> None:
        """Adds the Result of a child."""
        self.tiers.pop(path, None)
        child.live -= 1
        self._left -= 1
        self._fold.add(path, result)
        if child.issued < child.total:
            self._tree.wake(self)
        self._end_if_done()

    def count_failures(self, number: int) -> None:
        """Counts failed jobs below; from `max_fail` on nothing new starts."""
        if because := self._failures.count(number):
            self._hold(because)

    def count_cause(self, cause: str) -> None:
        """Counts a failed job below by its cause; from `max_fail_per_cause` on nothing new starts."""
        if because := self._failures.count_cause(cause):
            self._hold(because)

    def _hold(self, because: str) -> None:
        """Starts nothing new, after too many failures."""
        if not self.virtual_root:
            self.stop(
                attach_pb2.Stop(
                    mode=attach_pb2.STOP_MODE_HOLD,
                    reason=common_pb2.REASON_MAX_FAIL,
                    message=f"not started, because {because}",
                )
            )

    def stop(self, request: attach_pb2.Stop) -> None:
        """Starts nothing more, and ends what runs unless the order is to hold."""
        hold = request.mode == attach_pb2.STOP_MODE_HOLD
        if self._hooks is not None and not hold:
            self._stop_hooks(self._hooks, at_once=request.mode == attach_pb2.STOP_MODE_NOW)
        if self.state is TierState.ENDED:
            return
        if not hold:
            self.state = TierState.STOPPING
        elif self.state is TierState.RUNNING:
            self.state = TierState.HOLDING
        self.stop_order = self.stop_order or request
        for child in self.children.values():
            if child.closing is None and child.issued < child.total:
                self._close_rest(child, cancelled(request))
        for job in list(self.jobs.values()):
            if job.phase is not Phase.STARTED or not hold:
                self._tree.halt(job, request)
        for path, tier in list(self.tiers.items()):
            if tier is not None:
                tier.stop(request)
            else:
                self._tree.send_to_tier(path, request)
        self._end_if_done()

    def stop_child(self, path: str, request: attach_pb2.Stop) -> bool:
        """Ends one child, whether it was created yet or not; returns False if there is no such child."""
        job = self.jobs.get(path)
        if job is not None:
            self._tree.halt(job, request)
            return True
        if path in self.tiers:
            tier = self.tiers[path]
            if tier is None:
                self._tree.send_to_tier(path, request)
            else:
                tier.stop(request)
            return True
        return self._stop_unissued(path, request)

    def issue(self, budget: int) -> int:
        """Creates at most `budget` repeats, as far as the windows allow; returns how many."""
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

    # ---- progress

    def _stop_hooks(self, hooks: "TierHooks", *, at_once: bool) -> None:
        if at_once:
            hooks.sequence.skip()
            self._tree.stop_hook(self, signal.SIGKILL)
        elif hooks.is_preparing:
            self._tree.stop_hook(self, signal.SIGTERM)

    def _leave_out(self, child: Child) -> None:
        """Closes a child at once if its `when` selects none of its repeats here."""
        if child.node.condition is not None and self.state is TierState.RUNNING:
            closings = [left_out(child.node, path) for path in child.paths(self.path)]
            if closings and (first := closings[0]) is not None and all(closings):
                self._close_rest(child, first)

    def _advance(self, child: Child) -> None:
        if self._hooks is not None and self._hooks.is_preparing:
            return
        state = child.gate.state
        if self.state is not TierState.RUNNING or child.closing is not None:
            return
        if state is GateState.OPEN and child.issued < child.total:
            self._open[child.node.template] = child
            self._tree.wake(self)
        elif state is GateState.SHUT:
            self._close_rest(child, child.gate.closing)

    def _issue(self, child: Child) -> None:
        number = child.issued
        index = child.index_at(number)
        path = child.node.path_below(self.path, index)
        base = child.base + number * child.node.jobs
        child.issued += 1
        child.live += 1
        past = self._tree.past
        known = self._tree.recall(path) if past is not None else None
        if known is not None:
            self.on_child_ended(child, path, known)
            return
        skip = child.take_skip(index)
        if skip is not None:
            self._tree.close_later(self.close_child(child, path, cancelled(skip)))
        elif closing := left_out(child.node, path):
            self._tree.close_later(self.close_child(child, path, closing))
        elif child.node.kind == common_pb2.NODE_KIND_JOB:
            job = self.jobs[path] = JobChild(child.node, path, base, self, child)
            if past is not None and (attempts := past.attempts(path)):
                resume(job, attempts)
                self.on_attempt_finished(job, attempts[-1][1])
            else:
                self._tree.enqueue(job)
        else:
            self.tiers[path] = None
            tier = self._tree.open_tier(child.node, path, base, self, child)
            if tier is None:
                return
            self.tiers[path] = tier
            tier.start()
            for release in self.released_for(child.node):
                tier.on_release(release)

    def released_for(self, node: PlanNode) -> list[attach_pb2.Release]:
        """Returns the outcomes that a child that starts now waits for and that are known."""
        return self.watch.known_for(node)

    def _try_again(self, job: JobChild, end: event_pb2.AttemptFinished) -> bool:
        if job.stop is not None or self.state is not TierState.RUNNING:
            return False
        lost = job.lost
        wait = next_attempt(job, end)
        if wait is None:
            return False
        if wait:
            self._tree.enqueue_later(job, wait)
        else:
            self._tree.enqueue(job, alone=job.lost > lost)
        return True

    def _close_rest(self, child: Child, closing: Closing) -> None:
        child.closing = closing
        if child.issued < child.total:
            self._tree.close_later(self._closing(child, closing))

    def _closing(self, child: Child, closing: Closing) -> Iterator[None]:
        while child.issued < child.total:
            index = child.index_at(child.issued)
            child.issued += 1
            child.live += 1
            yield from self.close_child(child, child.node.path_below(self.path, index), closing)

    def close_child(self, child: Child, path: str, closing: Closing) -> Iterator[None]:
        """Closes a child that was created, and all below it, one job per step."""
        results: list[event_pb2.Result] = []
        yield from close_unstarted(self._tree, child.node, path, closing, results)
        self.on_child_ended(child, path, results[0])

    def _stop_unissued(self, path: str, request: attach_pb2.Stop) -> bool:
        for child in self.children.values():
            if child.issued >= child.total or child.closing is not None:
                continue
            if child.node.repeats is None and join(self.path, child.node.ident) == path:
                self._close_rest(child, cancelled(request))
                return True
            prefix = join(self.path, child.node.ident) + "["
            if path.startswith(prefix) and child.skip(path[len(prefix) : -1], request):
                return True
        return False

    def _end_if_done(self) -> None:
        if self.state is TierState.ENDED or self._left:
            return
        hooks = self._hooks
        if hooks is not None and hooks.is_preparing:
            return
        self.state = TierState.ENDED
        if hooks is not None and (name := hooks.first_after(self._result())):
            self._tree.run_hook(self, hooks, name)
        else:
            self._conclude()

    def _result(self) -> event_pb2.Result:
        wall = self._tree.now().steady - self._began
        result = self._fold.finish(wall_nanos=wall, allow_failure=self.values.allow_failure)
        if self._hooks is not None:
            self._hooks.apply(result, self._tree.now().wall)
        if self.values.contracts and not self.virtual_root:
            # Few groups have contracts.
            from gator.core.tree.outcomes.contracts import apply_contracts

            contracts, now = self._tree.contracts(self.node, self.path), self._tree.now().wall
            apply_contracts(result, contracts, self.path, now, is_partial=self.node.is_partial)
        return result

    def _conclude(self) -> None:
        result = self._result()
        if not self.virtual_root:
            self._tree.conclude(self.node, self.path, result)
        self._tree.tier_ended(self, result)


def _hooks(path: str, hooks: spec_pb2.Hooks) -> "TierHooks":
    # Few groups have hooks.
    from gator.core.tree.hooks import TierHooks

    return TierHooks(path, hooks)
