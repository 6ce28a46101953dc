"""Makes the Result of a job from the end of its last attempt.

Invariant: a live tier and the recovery of a dead run make the same Result from the same end.
"""

from gator.core.causes.signature import sign
from gator.core.outcomes import FAILURES
from gator.v1 import common_pb2, event_pb2, spec_pb2

_TALLY_FIELD = {
    common_pb2.OUTCOME_PASSED: "passed",
    common_pb2.OUTCOME_FAILED: "failed",
    common_pb2.OUTCOME_PRUNED: "pruned",
    common_pb2.OUTCOME_CANCELLED: "cancelled",
    common_pb2.OUTCOME_LOST: "lost",
}


def result_of_end(end: event_pb2.AttemptFinished, attempts: int) -> event_pb2.Result:
    """Returns the Result for the end of the last attempt, before `complete` fills in the rest."""
    result = event_pb2.Result(
        outcome=end.outcome,
        reason=end.reason,
        message=end.message,
        attempts=attempts,
        counts=end.counts,
        metrics=end.metrics,
        usage=end.usage,
        signature=end.signature,
        contracts=end.contracts if end.HasField("contracts") else None,
        invalid_commands=end.invalid_commands,
        gator_warnings=end.gator_warnings,
        first_failure_unix_nanos=end.ended_unix_nanos if end.outcome in FAILURES else 0,
    )
    if end.HasField("first_error"):
        result.first_error.CopyFrom(end.first_error)
    if end.HasField("failed_tests"):
        result.failed_tests.CopyFrom(end.failed_tests)
    return result


def result_of_attempts(
    end: event_pb2.AttemptFinished,
    attempts: int,
    failed: event_pb2.AttemptFinished | None,
    settings: spec_pb2.Settings,
) -> event_pb2.Result:
    """Returns the Result for the end of the last attempt; `failed` is an earlier one that was tried again.

    A job that passed after a failure is flaky. It passed, unless its spec says that it failed.
    """
    if failed is None or end.outcome != common_pb2.OUTCOME_PASSED:
        return result_of_end(end, attempts)
    if settings.flaky == spec_pb2.FLAKY_MODE_FAIL:
        result = result_of_end(failed, attempts)
        result.message = f"flaky: passed in attempt {attempts}, and before that: {failed.message}"
    else:
        result = result_of_end(end, attempts)
    result.jobs.flaky = 1
    return result


def lost(
    message: str, reason: common_pb2.Reason.ValueType = common_pb2.REASON_LOST
) -> event_pb2.AttemptFinished:
    """Returns the end of an attempt whose end is unknown; `message` is shown to users."""
    end = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_LOST, reason=reason, message=message)
    sign(end)
    return end


def count_result(tally: event_pb2.Tally, result: event_pb2.Result) -> None:
    """Counts a job that was waiting as ended."""
    tally.waiting -= 1
    for name in _TALLY_FIELD.values():
        value = getattr(result.jobs, name)
        if value:
            setattr(tally, name, getattr(tally, name) + value)
    tally.flaky += result.jobs.flaky


def complete(
    result: event_pb2.Result, kind: common_pb2.NodeKind.ValueType, path: str, *, allow_failure: bool, now: int
) -> None:
    """Fills in what follows from the outcome.

    `now`, in nanoseconds since 1970, is the end of a failed job whose own end is unknown.
    """
    result.allow_failure = allow_failure
    if kind == common_pb2.NODE_KIND_JOB:
        setattr(result.jobs, _TALLY_FIELD[result.outcome], 1)
        if result.outcome in FAILURES:
            result.first_failure = path
            result.first_failure_unix_nanos = result.first_failure_unix_nanos or now
            # A job that is lost without ever starting has no attempt that could have a signature.
            sign(result, path=path)
