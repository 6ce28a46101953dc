"""The output of many attempts at once, for searches through thousands of jobs that each wrote little.

Invariant: an answer takes a bounded amount of memory; an attempt with more output is left out of it.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

from gator.core.pages import JobAttempt
from gator.store.catalogue_where import Condition
from gator.store.reader import event_of
from gator.v1 import attach_pb2, event_pb2

Kinds: TypeAlias = Sequence[attach_pb2.EventKind.ValueType]
Rows: TypeAlias = Sequence[Any]
"""Path, attempt, sequence number, kind, time and body; the body is None if it is too large."""
Ask: TypeAlias = Callable[[Sequence[JobAttempt], int], Rows]
"""Returns rows of the given attempts, and maybe of others at the same jobs; at most as many as it is told."""

MAX_BODY_BYTES: Final = 16 * 1024
"""Maximum size of one event."""
_MAX_ROWS: Final = 2048
"""Maximum number of events in one answer: with the bound above, 32 MiB."""
_PIECE: Final = 512
"""Number of attempts that are asked for at once."""

COLUMNS: Final = (
    f"s.path, s.attempt, {{seq}}, e.kind, e.time_unix_nanos,"
    f" CASE WHEN length(e.body) <= {MAX_BODY_BYTES} THEN e.body END"
)
"""The columns of a row of subjects s and events e; `seq` is to be filled in."""


def outputs_of(
    query: Callable[[str, Sequence[object]], Rows], attempts: Sequence[JobAttempt], kinds: Kinds
) -> dict[JobAttempt, list[event_pb2.Event]]:
    """Returns the events of these kinds out of one store of a folder, by attempt; see `gather`."""

    def ask(some: Sequence[JobAttempt], limit: int) -> Rows:
        where = Condition().one_of("s.path", [attempt.path for attempt in some])
        where.add("e.subject = s.id").numbers("e.kind", kinds)
        # A cross join, since SQLite begins with its left side then.
        return query(
            f"SELECT {COLUMNS.format(seq='e.seq')} FROM subjects AS s CROSS JOIN events AS e"  # noqa: S608
            f" WHERE {where.text} LIMIT ?",
            [*where.values, limit],
        )

    return gather(ask, attempts)


def gather(ask: Ask, attempts: Sequence[JobAttempt]) -> dict[JobAttempt, list[event_pb2.Event]]:
    """Returns the events of each attempt, in the order of their sequence numbers.

    Attempts with more events, or larger ones, than fit into an answer are left out.
    """
    found: dict[JobAttempt, list[event_pb2.Event]] = {}
    for some, rows in _answers(ask, attempts):
        wanted = {(attempt.path, attempt.number): attempt for attempt in some}
        large = set[JobAttempt]()
        for attempt in some:
            found[attempt] = []
        for path, number, seq, kind, time, body in rows:
            attempt = wanted.get((path, number))
            if attempt is None:
                continue
            if body is None:
                large.add(attempt)
            else:
                found[attempt].append(event_of((seq, path, number, kind, 0, time, bytes(body), 0)))
        for attempt in large:
            del found[attempt]
    for events in found.values():
        if len(events) > 1:
            events.sort(key=attrgetter("seq"))
    return found


def _answers(ask: Ask, attempts: Sequence[JobAttempt]) -> Iterator[tuple[Sequence[JobAttempt], Rows]]:
    """Yields attempts with all rows of them, in pieces for which the rows are not too many."""
    left = [attempts[at : at + _PIECE] for at in range(0, len(attempts), _PIECE)]
    while left:
        some = left.pop()
        rows = ask(some, _MAX_ROWS + 1)
        if len(rows) <= _MAX_ROWS:
            yield some, rows
        elif len(some) > 1:
            half = len(some) // 2
            left += [some[half:], some[:half]]
