"""Removes the middle of very long logs, once their attempt has ended and all of its output has arrived.

Invariant: where lines are missing, a line of the log says so.
"""

import asyncio
from functools import partial

from msgspec import Struct

from gator.v1 import attach_pb2, common_pb2, event_pb2
from gator_hub.database.database import Database
from gator_hub.ingest.writer import Writer

_BLOCK = int(attach_pb2.EVENT_KIND_BLOCK)
_READ = 32
"""Maximum number of blocks read at once. Each has at most half a megabyte."""
_REMOVE = 100
_REST_SECONDS = 0.01

# All blocks of an attempt precede its end in the same store, so the position of the store tells whether all
# have arrived.
_LONG = (
    "SELECT o.subject FROM outputs AS o JOIN subjects AS s ON s.id = o.subject"
    " JOIN attempts AS a ON a.run = s.run AND a.path = s.path AND a.number = s.attempt"
    " JOIN stores AS t ON t.store = a.store AND t.run = a.run"
    " WHERE o.trimmed = 0 AND o.size_bytes > ?"
    " AND a.ended_unix_nanos IS NOT NULL AND t.bulk_seq >= a.last_seq"
)


class _Piece(Struct, frozen=True):
    """A block without its bytes."""

    place: int
    stream: common_pb2.Stream.ValueType
    size_bytes: int
    first_line: int
    lines: int
    offset_bytes: int
    read_unix_nanos: int


class Gap(Struct, frozen=True):
    """Blocks of one stream to be removed, and the block that replaces the first of them."""

    places: list[int]
    mark: event_pb2.Block


async def trim(database: Database, writer: Writer, cap_bytes: int) -> None:
    """Trims the output of all attempts that have ended to at most `cap_bytes` each."""
    for (subject,) in await asyncio.to_thread(database.query, _LONG, (cap_bytes,)):
        pieces = await asyncio.to_thread(_pieces, database, subject)
        for gap in gaps(pieces, cap_bytes):
            await asyncio.wrap_future(writer.run(partial(_mark, gap=gap)))
            for at in range(1, len(gap.places), _REMOVE):
                await asyncio.wrap_future(writer.run(partial(_remove, places=gap.places[at : at + _REMOVE])))
                await asyncio.sleep(_REST_SECONDS)
        await asyncio.wrap_future(writer.run(partial(_done, subject=subject)))


def gaps(pieces: "list[_Piece]", cap_bytes: int) -> list[Gap]:
    """Returns the gaps of each stream that leave `cap_bytes` at most at the beginning and the end."""
    head, tail = cap_bytes // 2, cap_bytes // 2
    first, last = 0, len(pieces)
    while first < last and pieces[first].size_bytes <= head:
        head -= pieces[first].size_bytes
        first += 1
    while last > first and pieces[last - 1].size_bytes <= tail:
        tail -= pieces[last - 1].size_bytes
        last -= 1
    by_stream: dict[common_pb2.Stream.ValueType, list[_Piece]] = {}
    for piece in pieces[first:last]:
        by_stream.setdefault(piece.stream, []).append(piece)
    return [_gap(stream, some, cap_bytes) for stream, some in by_stream.items()]


def _gap(stream: common_pb2.Stream.ValueType, pieces: "list[_Piece]", cap_bytes: int) -> Gap:
    begin, end = pieces[0], pieces[-1]
    until = max(end.first_line + end.lines - 1, begin.first_line)
    size = sum(piece.size_bytes for piece in pieces)
    text = (
        f"[gator hub: lines {begin.first_line} to {until} ({size} bytes) are left out, because more than "
        f"{cap_bytes} bytes were written; the run's own folder has them]\n"
    ).encode()
    mark = event_pb2.Block(
        stream=stream,
        severity=common_pb2.SEVERITY_INFO,
        first_line=begin.first_line,
        lines=1,
        size_bytes=len(text),
        encoding=event_pb2.Block.ENCODING_RAW,
        data=text,
        first_read_unix_nanos=begin.read_unix_nanos,
        last_read_unix_nanos=begin.read_unix_nanos,
        offset_bytes=begin.offset_bytes,
    )
    return Gap([piece.place for piece in pieces], mark)


def _pieces(database: Database, subject: int) -> list[_Piece]:
    events = database.models.events
    blocks = (
        events.select(events.place, events.body)
        .where(events.subject == subject, events.kind == _BLOCK)
        .order_by(events.place)
        .limit(_READ)
    )
    pieces: list[_Piece] = []
    after = 0
    while rows := database.rows(blocks.where(events.place > after)):
        after = rows[-1][0]
        for place, body in rows:
            block = event_pb2.Block.FromString(bytes(body))
            pieces.append(
                _Piece(
                    place,
                    block.stream,
                    block.size_bytes,
                    block.first_line,
                    block.lines,
                    block.offset_bytes,
                    block.first_read_unix_nanos,
                )
            )
    return pieces


def _mark(database: Database, gap: Gap) -> None:
    events = database.models.events
    mark = gap.mark
    database.run(
        events.update(body=mark.SerializeToString(), severity=int(mark.severity)).where(
            events.place == gap.places[0]
        )
    )


def _remove(database: Database, places: list[int]) -> None:
    events = database.models.events
    database.run(events.delete().where(events.place.in_(places)))


def _done(database: Database, subject: int) -> None:
    outputs = database.models.outputs
    database.run(outputs.update(trimmed=1).where(outputs.subject == subject))
