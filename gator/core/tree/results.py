"""How the end of a job's last attempt becomes the Result of the job.

The rule: a live tier and whoever closes a dead run afterwards say the same of the same end.
"""

from gator.core.attempt.signature import sign
from gator.core.outcomes import FAILURES
from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2

_TALLY_FIELD = {
    pb.OUTCOME_PASSED: "passed",
    pb.OUTCOME_FAILED: "failed",
    pb.OUTCOME_PRUNED: "pruned",
    pb.OUTCOME_CANCELLED: "cancelled",
    pb.OUTCOME_LOST: "lost",
}


def result_of_end(end: event_pb2.AttemptFinished, attempts: int) -> event_pb2.Result:
    """The Result that the last of so many attempts makes; `complete` adds what follows from it."""
    result = event_pb2.Result(
        outcome=end.outcome,
        reason=end.reason,
        message=end.message,
        attempts=attempts,
        counts=end.counts,
        metrics=end.metrics,
        usage=end.usage,
        signature=end.signature,
        first_failure_unix_nanos=end.ended_unix_nanos if end.outcome in FAILURES else 0,
    )
    if end.HasField("first_error"):
        result.first_error.CopyFrom(end.first_error)
    return result


def lost(message: str, reason: pb.Reason.ValueType = pb.REASON_LOST) -> event_pb2.AttemptFinished:
    """The end of an attempt of which nobody knows how it ended; `message` is for people."""
    end = event_pb2.AttemptFinished(outcome=pb.OUTCOME_LOST, reason=reason, message=message)
    sign(end)
    return end


def count_result(tally: event_pb2.Tally, result: event_pb2.Result) -> None:
    """Count a job that waited as ended."""
    tally.waiting -= 1
    for name in _TALLY_FIELD.values():
        value = getattr(result.jobs, name)
        if value:
            setattr(tally, name, getattr(tally, name) + value)


def complete(
    result: event_pb2.Result, kind: pb.NodeKind.ValueType, path: str, *, allow_failure: bool, now: int
) -> None:
    """Fills in what follows from the outcome.

    `now`, in nanoseconds since 1970, stands for the end of a failed job whose own is not known.
    """
    result.allow_failure = allow_failure
    if kind == pb.NODE_KIND_JOB:
        setattr(result.jobs, _TALLY_FIELD[result.outcome], 1)
        if result.outcome in FAILURES:
            result.first_failure = path
            result.first_failure_unix_nanos = result.first_failure_unix_nanos or now
            # What was never started is lost without an attempt that could have one.
            sign(result)
