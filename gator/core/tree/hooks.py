"""The hooks of a group or array: what runs before its children and after them.

Invariant: a group is FAILED if its hook `before` failed; the other hooks do not change its outcome.
"""

from collections.abc import Iterator

from gator.core.attempt.hooks import HookEnd, HookSequence, hook_logs, hook_warning
from gator.core.causes.signature import sign
from gator.core.tree.gate import Closing
from gator.v1 import common_pb2, event_pb2, spec_pb2


class TierHooks:
    """The hooks of one instance of a group or array, with `${{ }}` filled in."""

    __slots__ = ("_path", "failure", "is_preparing", "outcome", "reason", "sequence")

    def __init__(self, path: str, hooks: spec_pb2.Hooks) -> None:
        self._path = path
        self.sequence = HookSequence(hooks)
        self.is_preparing = False
        """Whether the hook before the children runs."""
        self.failure = ""
        """The problem with that hook; empty if it passed."""
        self.outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_UNSPECIFIED
        self.reason: common_pb2.Reason.ValueType = common_pb2.REASON_UNSPECIFIED

    def begin(self) -> bool:
        """Returns whether the hook before the children has to run now."""
        self.is_preparing = self.sequence.begin()
        return self.is_preparing

    def take_before(self, end: HookEnd, *, was_stopped: bool) -> None:
        """Handles the end of the hook before the children; the end of a stopped one is not a failure."""
        self.is_preparing = False
        self.failure = "" if was_stopped else self.sequence.problem_of(end, self._path)

    def closing(self) -> Closing:
        """Returns how the children close whose hook before them failed."""
        return Closing(
            common_pb2.OUTCOME_PRUNED, common_pb2.REASON_HOOK, f"not started, because {self.failure}"
        )

    def first_after(self, result: event_pb2.Result) -> str:
        """Returns the first hook after this Result; empty if none follows."""
        self.outcome, self.reason = result.outcome, result.reason
        return "" if self.sequence.is_over else self.sequence.finish(result.outcome)

    def logs_of(self, end: HookEnd) -> Iterator[event_pb2.LogEvent]:
        """Yields the messages to record about a hook."""
        yield from hook_logs(end)
        if not self.is_preparing and (problem := self.sequence.problem_of(end)):
            yield hook_warning(problem)

    def apply(self, result: event_pb2.Result, now: int) -> None:
        """Makes the Result that of a group whose hook failed, if it did.

        `now` is the time of its end in nanoseconds since 1970. The group itself is then the first failure,
        because nothing below it started.
        """
        if self.failure:
            result.outcome = common_pb2.OUTCOME_FAILED
            result.reason = common_pb2.REASON_HOOK
            result.message = self.failure
            result.first_failure, result.first_failure_unix_nanos = self._path, now
            sign(result)
