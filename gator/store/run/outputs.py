"""Reads the output of many attempts at once, for searches through thousands of jobs with little output.

Invariant: a result takes a bounded amount of memory; attempts with more output are omitted.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

from gator.core.pages import JobAttempt
from gator.store.event_rows import event_of
from gator.store.sql_condition import SqlCondition
from gator.v1 import attach_pb2, event_pb2

Kinds: TypeAlias = Sequence[attach_pb2.EventKind.ValueType]
Rows: TypeAlias = Sequence[Any]
"""Path, attempt, sequence number, kind, time and body; the body is None if it is too large."""
Query: TypeAlias = Callable[[Sequence[JobAttempt], int], Rows]
"""Returns up to a number of rows of the attempts, maybe with those of other attempts at the same jobs."""

MAX_BODY_BYTES: Final = 16 * 1024
"""Maximum size of one event."""
_MAX_ROWS: Final = 2048
"""Maximum number of events in one result: with the maximum above, 32 MiB."""
_PIECE: Final = 512
"""Number of attempts per query."""

COLUMNS: Final = (
    f"s.path, s.attempt, {{seq}}, e.kind, e.time_unix_nanos,"
    f" CASE WHEN length(e.body) <= {MAX_BODY_BYTES} THEN e.body END"
)
"""Template of the columns of subjects s and events e; `seq` is to be filled in."""


def outputs_of(
    query: Callable[[str, Sequence[object]], Rows], attempts: Sequence[JobAttempt], kinds: Kinds
) -> dict[JobAttempt, list[event_pb2.Event]]:
    """Returns the events of these kinds from one store, by attempt; see `gather`."""

    def read(some: Sequence[JobAttempt], limit: int) -> Rows:
        where = SqlCondition().one_of("s.path", [attempt.path for attempt in some])
        where.add("e.subject = s.id").numbers("e.kind", kinds)
        # A cross join makes SQLite start with its left side.
        return query(
            f"SELECT {COLUMNS.format(seq='e.seq')} FROM subjects AS s CROSS JOIN events AS e"  # noqa: S608
            f" WHERE {where.text} LIMIT ?",
            [*where.values, limit],
        )

    return gather(read, attempts)


def gather(query: Query, attempts: Sequence[JobAttempt]) -> dict[JobAttempt, list[event_pb2.Event]]:
    """Returns the events of each attempt, in the order of their sequence numbers.

    Attempts whose events do not fit into a result are omitted.
    """
    outputs: dict[JobAttempt, list[event_pb2.Event]] = {}
    for some, rows in _answers(query, attempts):
        wanted = {(attempt.path, attempt.number): attempt for attempt in some}
        large = set[JobAttempt]()
        for attempt in some:
            outputs[attempt] = []
        for path, number, seq, kind, time, body in rows:
            attempt = wanted.get((path, number))
            if attempt is None:
                continue
            if body is None:
                large.add(attempt)
            else:
                outputs[attempt].append(event_of((seq, path, number, kind, time, bytes(body))))
        for attempt in large:
            del outputs[attempt]
    for events in outputs.values():
        if len(events) > 1:
            events.sort(key=attrgetter("seq"))
    return outputs


def _answers(query: Query, attempts: Sequence[JobAttempt]) -> Iterator[tuple[Sequence[JobAttempt], Rows]]:
    """Yields attempts with all their rows, in batches small enough for one result."""
    left = [attempts[at : at + _PIECE] for at in range(0, len(attempts), _PIECE)]
    while left:
        some = left.pop()
        rows = query(some, _MAX_ROWS + 1)
        if len(rows) <= _MAX_ROWS:
            yield some, rows
        elif len(some) > 1:
            half = len(some) // 2
            left += [some[half:], some[:half]]
