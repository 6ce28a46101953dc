"""Computes signatures of this version for failures that another version of Gator signed.

Invariant: a recorded signature of another version is never compared with one of this version. The record is
not changed.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gator.core.attempt.choose_again import OutputReading, is_chosen_again, sign_again
from gator.core.causes.signature import sign
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2

_FINISHED = (attach_pb2.EVENT_KIND_ATTEMPT_FINISHED,)
_OUTPUT = (attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_BLOCK)
_EVENTS_AT_ONCE = 64
MAX_OUTPUT_BYTES = 64 * 1024 * 1024
"""Maximum number of bytes of the output of one attempt that are read for its first error."""


class AttemptRecord(Protocol):
    """The record of a run, as far as it is needed."""

    def recorded_attempts(self, path: str) -> Sequence[query_pb2.Attempt]:
        """Returns the attempts at a job in their order, as they were recorded."""
        ...

    def events(
        self,
        store: str,
        after: int,
        limit: int,
        *,
        path: str = "",
        prefix: str = "",
        attempt: int = 0,
        kinds: Sequence[attach_pb2.EventKind.ValueType] = (),
        severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED,
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Returns events of a store."""
        ...

    def bytes_of(self, block: event_pb2.Block) -> bytes:
        """Returns the bytes of a block."""
        ...


class Signed(NamedTuple):
    """The signature of this version, the first error that it is made from, and the tests that failed."""

    signature: str
    first_error: event_pb2.ErrorMessage | None
    failed_tests: event_pb2.FailedTests | None = None


def signed_node(record: AttemptRecord, node: query_pb2.Node) -> Signed:
    """Returns the signature of a failed job; `node` has the recorded one."""
    for attempt in reversed(record.recorded_attempts(node.path)):
        if attempt.finished.signature == node.signature:
            end = _end_of(record, node.path, attempt)
            if end is not None:
                again = signed_end(record, node.path, attempt, end)
                return Signed(
                    again.signature,
                    again.first_error if again.HasField("first_error") else None,
                    again.failed_tests if again.HasField("failed_tests") else None,
                )
    # It was lost without an attempt that has ended.
    lost = query_pb2.Node(outcome=node.outcome, reason=node.reason, message=node.message)
    lost.first_error.CopyFrom(node.first_error)
    sign(lost, path=node.path)
    return Signed(lost.signature, node.first_error if node.HasField("first_error") else None)


def _end_of(record: AttemptRecord, path: str, attempt: query_pb2.Attempt) -> event_pb2.AttemptFinished | None:
    events, _ = record.events(attempt.store, 0, 1, path=path, attempt=attempt.number, kinds=_FINISHED)
    return events[0].attempt_finished if events else None


def signed_end(
    record: AttemptRecord, path: str, attempt: query_pb2.Attempt, end: event_pb2.AttemptFinished
) -> event_pb2.AttemptFinished:
    """Returns the end of a failed attempt with the signature of this version."""
    if not is_chosen_again(end):
        return sign_again(path, end, None)
    reading = OutputReading()
    after = size = 0
    while size < MAX_OUTPUT_BYTES:
        events, through = record.events(
            attempt.store, after, _EVENTS_AT_ONCE, path=path, attempt=attempt.number, kinds=_OUTPUT
        )
        for event in events:
            data = record.bytes_of(event.block) if event.HasField("block") else b""
            reading.take(event, data)
            size += len(data)
        if through <= after:
            break
        after = through
    return sign_again(path, end, reading)
