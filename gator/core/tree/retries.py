"""Decides whether a job is tried again after an attempt, and when."""

from typing import Final

from gator.v1 import common_pb2, event_pb2, spec_pb2

MAX_DELAY_MILLIS: Final = 24 * 3600 * 1000
"""Maximum time before a further attempt, to which `backoff` may lengthen a delay."""
DEFAULT_LOST: Final = 1


def retries_loss(retries: spec_pb2.Retries, end: event_pb2.AttemptFinished, lost: int) -> bool:
    """Returns whether an attempt that was lost is tried again, after this number of such attempts."""
    allowed = retries.lost if retries.HasField("lost") else DEFAULT_LOST
    return end.outcome == common_pb2.OUTCOME_LOST and lost < allowed


def retries_failure(retries: spec_pb2.Retries, end: event_pb2.AttemptFinished, failures: int) -> bool:
    """Returns whether a failed attempt is tried again, after this number of such attempts."""
    if failures >= retries.count:
        return False
    if end.outcome == common_pb2.OUTCOME_LOST:
        return common_pb2.REASON_LOST in retries.reasons
    return end.outcome == common_pb2.OUTCOME_FAILED and (not retries.reasons or end.reason in retries.reasons)


def delay_millis(retries: spec_pb2.Retries, number: int) -> int:
    """Returns the time before the further attempt with this number, from 1, in milliseconds."""
    delay = float(retries.delay_millis)
    for _ in range(number - 1):
        delay *= retries.backoff or 1
        if delay >= MAX_DELAY_MILLIS:
            break
    return int(min(delay, MAX_DELAY_MILLIS))
