"""Counts the lines of an attempt by severity, range by range, from its blocks.

Invariant: the ranges of all pages together are the lines of the streams, each once, in the order of reading.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from gator.core.attempt.severity import NAMES
from gator.core.pages import Over
from gator.query import tokens
from gator.query.reader import Reader, read_to_end
from gator.v1 import attach_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_DEFAULT: Final = 500
_MAX: Final = 10_000
_READ_AT_ONCE: Final = 64
_KINDS: Final = (attach_pb2.EVENT_KIND_BLOCK,)


class _AfterBlock(Struct, frozen=True):
    """Position at which the next page begins."""

    after: tokens.Count


def list_line_ranges(
    reader: Reader, request: qs.ListLineRangesRequest, attempt: query_pb2.Attempt | None, over: Over
) -> qs.ListLineRangesResponse:
    """Returns a page of ranges, which ends when its time is over. Raises UsageError for a foreign token."""
    position = tokens.decode(request, request.page_token, _AfterBlock)
    after = position.after if position else 0
    response = qs.ListLineRangesResponse()
    if attempt is None:
        return response
    wanted = min(request.ranges or _DEFAULT, _MAX)
    ranges: list[query_pb2.LineRange] = []
    for events, through in read_to_end(
        reader,
        attempt.store,
        after,
        _READ_AT_ONCE,
        path=request.path,
        attempt=attempt.number,
        kinds=_KINDS,
    ):
        _add(ranges, (event.block for event in events if request.stream in (0, event.block.stream)))
        if len(ranges) >= 2 * wanted:
            ranges = _combined(ranges, wanted)
        if over() or len(ranges) >= _MAX:
            response.next_page_token = tokens.encode(request, {"after": through})
            break
    response.ranges.extend(_combined(ranges, wanted))
    return response


def _add(ranges: list[query_pb2.LineRange], blocks: Iterable[event_pb2.Block]) -> None:
    for block in blocks:
        if not block.lines and ranges and ranges[-1].stream == block.stream:
            # It only continues the last line.
            _merge(ranges[-1], _range_of(block))
        elif block.lines:
            ranges.append(_range_of(block))


def _range_of(block: event_pb2.Block) -> query_pb2.LineRange:
    return query_pb2.LineRange(
        stream=block.stream,
        first_line=block.first_line + (1 if block.continues else 0),
        lines=block.lines,
        counts=block.counts,
        first_read_unix_nanos=block.first_read_unix_nanos,
        last_read_unix_nanos=block.last_read_unix_nanos,
    )


def _combined(ranges: list[query_pb2.LineRange], wanted: int) -> list[query_pb2.LineRange]:
    """Returns the ranges after combining small ones that follow each other in a stream."""
    if len(ranges) <= wanted:
        return ranges
    most = sum(entry.lines for entry in ranges) // wanted
    combined: list[query_pb2.LineRange] = []
    for entry in ranges:
        last = combined[-1] if combined else None
        if last is not None and last.stream == entry.stream and last.lines + entry.lines <= most:
            _merge(last, entry)
        else:
            combined.append(entry)
    return combined


def _merge(into: query_pb2.LineRange, other: query_pb2.LineRange) -> None:
    into.lines += other.lines
    into.last_read_unix_nanos = other.last_read_unix_nanos
    for name in NAMES.values():
        setattr(into.counts, name, getattr(into.counts, name) + getattr(other.counts, name))
