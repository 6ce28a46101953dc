"""Folds the Results of children into the Result of their group, as they end.

Invariant: memory does not grow with the number of children.
"""

from collections.abc import Iterable
from operator import add, attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from gator.core.outcomes import FAILURES, tally_size, was_not_needed
from gator.enum_names import enum_name
from gator.v1 import common_pb2, event_pb2

if TYPE_CHECKING:
    from gator.core.metrics import Totals

_COUNTS = ("debug", "info", "warning", "error", "critical")
_TALLY = ("waiting", "running", "passed", "failed", "pruned", "cancelled", "lost", "flaky")

# Folding 100,000 children takes noticeable time, so fields are read and summed without a loop in Python.
_counts_of = attrgetter(*_COUNTS)
_tally_of = attrgetter(*_TALLY)

_WORST_FIRST = (
    common_pb2.OUTCOME_FAILED,
    common_pb2.OUTCOME_LOST,
    common_pb2.OUTCOME_CANCELLED,
    common_pb2.OUTCOME_PRUNED,
)


class _Failure(Struct, frozen=True, order=True):
    """A job that failed. Failures are ordered by their end, then by path."""

    ended_unix_nanos: int
    path: str


class _First(Struct, frozen=True):
    """The first folded child with an outcome that the group adopts."""

    path: str
    reason: common_pb2.Reason.ValueType
    message: str
    has_own_failure: bool
    """Whether it is a group whose own contract is broken."""


class GroupFold:
    """The Results of the children of a group or array so far.

    The group is FAILED if a child FAILED, else LOST, else CANCELLED, else PRUNED if a child was pruned
    because of a failure, else PASSED. A failure that is allowed is neutral, and so is a handler that was not
    needed.
    """

    __slots__ = (
        "_attempts",
        "_counts",
        "_first_error",
        "_first_failure",
        "_first_with_error",
        "_firsts",
        "_gator_warnings",
        "_invalid_commands",
        "_metrics",
        "_peak_memory",
        "_peak_processes",
        "_system",
        "_tally",
        "_user",
    )

    def __init__(self) -> None:
        self._attempts = 0
        self._counts = [0] * len(_COUNTS)
        self._invalid_commands = 0
        self._gator_warnings = 0
        self._tally = [0] * len(_TALLY)
        self._metrics: Totals | None = None
        """None before the first metric."""
        self._user = 0
        self._system = 0
        self._peak_memory: int | None = None
        self._peak_processes: int | None = None
        self._firsts: dict[common_pb2.Outcome.ValueType, _First] = {}
        self._first_failure: _Failure | None = None
        self._first_with_error: _Failure | None = None
        self._first_error: event_pb2.ErrorMessage | None = None

    @property
    def outcome(self) -> common_pb2.Outcome.ValueType:
        """Outcome of the group if no other child follows."""
        return next(
            (outcome for outcome in _WORST_FIRST if outcome in self._firsts), common_pb2.OUTCOME_PASSED
        )

    def add(self, path: str, result: event_pb2.Result) -> None:
        """Adds the Result of the child with this path."""
        self._note_outcome(path, result)
        self._attempts += result.attempts
        if result.HasField("counts"):
            self._counts = list(map(add, self._counts, _counts_of(result.counts)))
        self._invalid_commands += result.invalid_commands
        self._gator_warnings += result.gator_warnings
        self._tally = list(map(add, self._tally, _tally_of(result.jobs)))
        if result.metrics:
            self._merge(result.metrics)
        self._add_usage(result.usage)

    def finish(self, *, wall_nanos: int, allow_failure: bool) -> event_pb2.Result:
        """Returns the Result of the group; `wall_nanos` is the time from its start to its end."""
        result = event_pb2.Result(
            outcome=self.outcome,
            reason=self._reason(),
            message=self._message(),
            attempts=self._attempts,
            counts=common_pb2.Counts(**dict(zip(_COUNTS, self._counts, strict=True))),
            metrics=self._metrics.totals() if self._metrics is not None else (),
            usage=event_pb2.Usage(
                wall_nanos=wall_nanos,
                user_nanos=self._user,
                system_nanos=self._system,
                peak_memory_bytes=self._peak_memory,
                peak_processes=self._peak_processes,
            ),
            jobs=self.jobs(),
            allow_failure=allow_failure,
            invalid_commands=self._invalid_commands,
            gator_warnings=self._gator_warnings,
        )
        self.set_first(result)
        return result

    def set_first(self, result: event_pb2.Result) -> None:
        """Sets the first failure and the first error below in the Result of the group."""
        if self._first_failure is not None:
            result.first_failure = self._first_failure.path
            result.first_failure_unix_nanos = self._first_failure.ended_unix_nanos
        if self._first_error is not None:
            result.first_error.CopyFrom(self._first_error)

    def jobs(self) -> event_pb2.Tally:
        """Returns the number of jobs below by outcome, so far."""
        return event_pb2.Tally(**dict(zip(_TALLY, self._tally, strict=True)))

    def _merge(self, metrics: Iterable[event_pb2.MetricTotal]) -> None:
        if self._metrics is None:
            # Many groups have no metrics.
            from gator.core.metrics import Totals

            self._metrics = Totals()
        self._metrics.merge(metrics)

    def _note_outcome(self, path: str, result: event_pb2.Result) -> None:
        outcome = result.outcome
        if outcome == common_pb2.OUTCOME_PASSED:
            return
        if was_not_needed(outcome, result.reason):
            return
        if outcome in FAILURES:
            if result.allow_failure:
                return
            self._note_failure(path, result)
        if outcome not in self._firsts:
            has_own = result.reason == common_pb2.REASON_METRIC and tally_size(result.jobs) > 1
            self._firsts[outcome] = _First(path, result.reason, result.message, has_own)

    def _note_failure(self, path: str, result: event_pb2.Result) -> None:
        """Records the earliest end of a failed job below, and the earliest first error."""
        ended = result.first_failure_unix_nanos
        failure = _Failure(ended, result.first_failure or path)
        if self._first_failure is None or failure < self._first_failure:
            self._first_failure = failure
        if not result.HasField("first_error"):
            return
        error = result.first_error
        if error.path:
            failure = _Failure(error.ended_unix_nanos, error.path)
        if self._first_with_error is None or failure < self._first_with_error:
            self._first_with_error = failure
            self._first_error = event_pb2.ErrorMessage()
            self._first_error.CopyFrom(error)
            self._first_error.path = failure.path
            self._first_error.ended_unix_nanos = failure.ended_unix_nanos

    def _add_usage(self, usage: event_pb2.Usage) -> None:
        self._user += usage.user_nanos
        self._system += usage.system_nanos
        # Children need not have run at the same time, so only the greatest of their peaks is known.
        if usage.HasField("peak_memory_bytes"):
            self._peak_memory = max(self._peak_memory or 0, usage.peak_memory_bytes)
        if usage.HasField("peak_processes"):
            self._peak_processes = max(self._peak_processes or 0, usage.peak_processes)

    def _reason(self) -> common_pb2.Reason.ValueType:
        outcome = self.outcome
        if outcome == common_pb2.OUTCOME_PASSED:
            return common_pb2.REASON_UNSPECIFIED
        if outcome == common_pb2.OUTCOME_CANCELLED:
            return self._firsts[outcome].reason or common_pb2.REASON_CANCELLED
        return common_pb2.REASON_CHILD

    def _message(self) -> str:
        outcome = self.outcome
        if outcome == common_pb2.OUTCOME_PASSED:
            return ""
        if outcome == common_pb2.OUTCOME_CANCELLED:
            # The reason of the child holds for the group as well.
            return self._firsts[outcome].message or "stopped on request"
        verb = enum_name(common_pb2.Outcome.DESCRIPTOR, outcome)
        number = self._tally[_TALLY.index(verb)]
        first = self._firsts[outcome].path
        if outcome in FAILURES:
            first = self._first_failure.path if self._first_failure is not None else first
        total = sum(self._tally[: _TALLY.index("flaky")])
        if self._firsts[outcome].has_own_failure:
            message = self._firsts[outcome].message
            # The path of the root is beside its message.
            return f"{first}: {message}" if "/" in first else message
        if (total == 1 or not number) and (message := self._firsts[outcome].message):
            return message
        if not number:
            return f"{verb}, because {first} was"
        jobs = "job" if total == 1 else "jobs"
        return f"{number} of {total} {jobs} {verb}, the first was {first}"
