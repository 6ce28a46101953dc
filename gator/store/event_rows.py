"""Rows of events, and the events made from them.

Invariant: an event that is too large or cannot be parsed is replaced by a warning; it never ends a query.
"""

from typing import TypeAlias

from gator.event_kinds import FIELD_OF_KIND
from gator.store.blocks import MAX_BYTES
from gator.store.untrusted import ODD_VALUE
from gator.v1 import attach_pb2, common_pb2, event_pb2

MAX_BODY_BYTES = MAX_BYTES + 64 * 1024
"""Maximum size of an event that is read: the largest block and its metadata."""
BODY = (
    "CASE WHEN typeof(e.body) <> 'blob' THEN -1"
    f" WHEN length(e.body) > {MAX_BODY_BYTES} THEN length(e.body) ELSE e.body END"
)
"""SQL of the body of an event; its size if it is too large, -1 if it is not a blob."""

EventRow: TypeAlias = tuple[int, str, int, int, int, bytes | int]
"""Sequence number, path, attempt, kind, time and body, which is a number if it is omitted, see `BODY`."""

_FIELDS = {int(kind): field for kind, field in FIELD_OF_KIND.items()}
_NAMES = {int(attach_pb2.EVENT_KIND_LOG): "message", int(attach_pb2.EVENT_KIND_BLOCK): "block of output"}


def size_of(body: bytes | int) -> int:
    """Returns the number of bytes read for a body."""
    return len(body) if isinstance(body, bytes) else 0


def event_of(row: EventRow) -> event_pb2.Event:
    """Returns the event of a row; without a payload if this version does not know its kind.

    Raises the exceptions of invalid values other than the body, see `ODD_VALUE`.
    """
    seq, path, attempt, kind, time, body = row
    event = event_pb2.Event(seq=seq, path=path, attempt=attempt, time_unix_nanos=time)
    name = _FIELDS.get(kind)
    if name is None:
        return event
    payload = getattr(event, name)
    # An empty body is a payload too.
    payload.SetInParent()
    try:
        if isinstance(body, int):
            raise ValueError(f"{body:,} bytes" if body > 0 else "no bytes")
        payload.MergeFromString(body)
    except ODD_VALUE as error:
        text = f"a {_NAMES.get(kind, 'record')} is left out: the store is damaged ({error})"
        event.log.CopyFrom(event_pb2.LogEvent(severity=common_pb2.SEVERITY_WARNING, text=text))
    return event
