"""Finds the events of a stream in which a line is, without reading the output before it.

Invariant: reading from the position found gives every line from the wanted one on.
"""

from typing import Final

from gator.core.pages import JobAttempt
from gator.query.reader import Reader
from gator.v1 import attach_pb2, common_pb2, event_pb2

Stream = common_pb2.Stream.ValueType

MIN_LINE: Final = 2_000
"""Lines before this one are found faster by reading from the beginning."""
_NEAR: Final = 8
"""Number of events that are read rather than searched."""
_MAX_OTHERS: Final = 32
"""Maximum number of blocks of the other stream that one step of a search reads."""
_KINDS: Final = (attach_pb2.EVENT_KIND_BLOCK,)


def seek(reader: Reader, attempt: JobAttempt, stream: Stream, line: int) -> int:
    """Returns the position after which the events with a line of a stream begin."""
    # A binary search, because blocks are in the order of their lines. Those up to `low` end before it.
    low, high = 0, reader.positions(_KINDS).get(attempt.store, 0)
    while high - low > _NEAR:
        middle = (low + high) // 2
        entry = _next(reader, attempt, stream, middle, high)
        if entry is None or entry[1].first_line >= line:
            high = middle
        else:
            low = entry[0] - 1
    return low


def last_block(reader: Reader, attempt: JobAttempt, stream: Stream) -> event_pb2.Block | None:
    """Returns the last block of a stream so far; None if there is none."""
    tip = reader.positions(_KINDS).get(attempt.store, 0)
    size, until = _NEAR, tip
    while until > 0:
        after = max(0, tip - size)
        last: event_pb2.Block | None = None
        entry = _next(reader, attempt, stream, after, until, max_others=size)
        while entry is not None:
            last = entry[1]
            entry = _next(reader, attempt, stream, entry[0], until, max_others=size)
        if last is not None:
            return last
        size, until = 4 * size, after
    return None


def _next(
    reader: Reader, attempt: JobAttempt, stream: Stream, after: int, until: int, max_others: int = _MAX_OTHERS
) -> tuple[int, event_pb2.Block] | None:
    """Returns the first block of a stream between two positions, and its own; None if it was not found."""
    others = 0
    while after < until and others <= max_others:
        events, through = reader.events(
            attempt.store, after, 1, path=attempt.path, attempt=attempt.number, kinds=_KINDS
        )
        for event in events:
            if event.seq > until:
                return None
            if event.block.stream == stream:
                return event.seq, event.block
            others += 1
        if through <= after:
            return None
        after = through
    return None
