"""Decides whether a job is tried again after an attempt, and when."""

from collections.abc import Sequence
from typing import Final

from gator.core.tree.child import Phase
from gator.core.tree.tree_port import JobChild
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


def next_attempt(job: JobChild, end: event_pb2.AttemptFinished) -> int | None:
    """Prepares the attempt after one that was lost or failed.

    Returns the time before it in milliseconds, or None if the job is not tried again.
    """
    retries = job.node.resolved_at(job.path).settings.retries
    if retries_loss(retries, end, job.lost):
        job.lost += 1
        wait = 0
    elif retries_failure(retries, end, job.failures):
        job.failures += 1
        job.failed = end
        wait = delay_millis(retries, job.failures)
    else:
        return None
    job.attempt += 1
    job.phase = Phase.WAITING if wait else Phase.QUEUED
    return wait


def resume(job: JobChild, attempts: Sequence[tuple[int, event_pb2.AttemptFinished]]) -> None:
    """Sets how far a job had come when the previous daemon died; the last attempt is not counted yet."""
    job.attempt = attempts[-1][0]
    job.started = len(attempts)
    ends = [end for _, end in attempts[:-1]]
    failed = [end for end in ends if end.outcome == common_pb2.OUTCOME_FAILED]
    job.lost = sum(end.outcome == common_pb2.OUTCOME_LOST for end in ends)
    job.failures, job.failed = len(failed), failed[-1] if failed else None
