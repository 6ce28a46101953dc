"""Reads the events of one run from the hub's database, store by store in the order of their sequence numbers.

Invariant: each call reads at most a bounded number of events, even if few of them match.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from gator.core.pages import JobAttempt
from gator.event_kinds import BULK_KINDS, GRADED_KINDS
from gator.store.event_rows import event_of
from gator.store.run.outputs import COLUMNS, gather
from gator.store.sql_condition import SqlCondition
from gator.v1 import attach_pb2, common_pb2, event_pb2
from gator_hub.database.database import Database
from gator_hub.database.tables import SEQ_BITS

Kinds = Sequence[attach_pb2.EventKind.ValueType]

SLICE_BYTES = 1024 * 1024
"""Size in bytes at which a slice ends. The event that reaches it is included."""
SCAN_EVENTS = 5_000
"""Maximum number of places that one call scans if no index selects the events."""
_MAX_LOOKS = 48
"""Maximum number of index lookups, one for each attempt and kind, to find the events of a few attempts."""
_MAX_DIRECT_LOOKS = 4
"""Maximum number of index lookups for which `_places` is used at once."""
_MAX_UNORDERED_EVENTS = 1000
"""Maximum number of events of a few attempts that one statement finds without an order."""
_MAX_BODIES = 256

_SEQ = (1 << SEQ_BITS) - 1
_BULK = frozenset(BULK_KINDS)
_ALL = tuple(kind for kind in attach_pb2.EventKind.values() if kind)
_COLUMNS = "place, subject, kind, time_unix_nanos, length(body)"


class _Wanted(Struct, frozen=True):
    """The requested events: a filter, and two places of one store between which they are."""

    after: int
    until: int
    limit: int
    kinds: Kinds
    severity: int


class EventReader:
    """The events of one run. Its methods may be called from several threads."""

    def __init__(self, database: Database, run: int) -> None:
        self._database, self._run = database, run

    def positions(self, kinds: Kinds = ()) -> Mapping[str, int]:
        """Returns the position up to which each store is complete for events of these kinds."""
        rows = self._database.query(
            "SELECT store, states_seq, bulk_seq FROM stores WHERE run = ? ORDER BY id", (self._run,)
        )
        return {store: _tip(states, bulk, kinds) for store, states, bulk in rows}

    def events(
        self,
        store: str,
        after: int,
        limit: int,
        *,
        path: str = "",
        prefix: str = "",
        attempt: int = 0,
        kinds: Kinds = (),
        severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED,
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Implements `gator.query.Reader.events`."""
        rows = self._database.query(
            "SELECT id, states_seq, bulk_seq FROM stores WHERE store = ? AND run = ?", (store, self._run)
        )
        number, states, bulk = rows[0] if rows else (0, 0, 0)
        last = _tip(states, bulk, kinds)
        if last <= after:
            return [], after
        base = number << SEQ_BITS
        wanted = _Wanted(base | after, base | last, limit, kinds or _ALL, int(severity))
        subjects = self._subjects(path, prefix, attempt)
        if subjects is not None and not subjects:
            return [], last
        if subjects is not None and len(subjects) * len(wanted.kinds) <= _MAX_LOOKS:
            rows = self._of_subjects(subjects, wanted)
            until = wanted.until
        else:
            until = min(wanted.until, wanted.after + SCAN_EVENTS)
            rows = self._scan(wanted, until, path or prefix, attempt)
        events, taken = self._with_bodies(rows)
        if taken < len(rows) or taken == limit:
            until = rows[taken - 1][0]
        return events, until & _SEQ

    def outputs(
        self, attempts: Sequence[JobAttempt], kinds: Kinds
    ) -> dict[JobAttempt, list[event_pb2.Event]]:
        """Implements `gator.query.Reader.outputs`."""
        numbers = dict(self._database.query("SELECT store, id FROM stores WHERE run = ?", (self._run,)))

        def query(some: Sequence[JobAttempt], limit: int) -> Sequence[Any]:
            where = SqlCondition().run("s", self._run).one_of("s.path", [attempt.path for attempt in some])
            where.add("e.subject = s.id").numbers("e.kind", kinds)
            rows = self._database.query(
                f"SELECT {COLUMNS.format(seq='e.place')} FROM subjects AS s CROSS JOIN events AS e"  # noqa: S608
                f" WHERE {where.text} LIMIT ?",
                [*where.values, limit],
            )
            stores = {(attempt.path, attempt.number): numbers.get(attempt.store) for attempt in some}
            if len(rows) == limit:
                return rows
            return [
                (path, number, place & _SEQ, kind, time, body)
                for path, number, place, kind, time, body in rows
                if place >> SEQ_BITS == stores.get((path, number))
            ]

        return gather(query, attempts)

    # -- parts

    def _subjects(self, path: str, prefix: str, attempt: int) -> list[int] | None:
        """Returns the numbers of the requested subjects; None for all of the run, or if there are many."""
        if not path and "/" not in prefix:
            return None
        where = SqlCondition().add("run = ?", self._run)
        if path:
            where.add("path = ?", path)
        else:
            where.below("path", prefix)
        if attempt:
            where.add("attempt = ?", attempt)
        rows = self._database.query(
            f"SELECT id FROM subjects WHERE {where.text} LIMIT ?",  # noqa: S608 - constant parts
            [*where.values, _MAX_LOOKS + 1],
        )
        return [row[0] for row in rows] if path or len(rows) <= _MAX_LOOKS else None

    def _of_subjects(self, subjects: Sequence[int], wanted: _Wanted) -> list[Any]:
        """Returns the events of a few attempts. Their places are found by the index alone."""
        places = self._few_places(subjects, wanted)
        if places is None:
            places = self._places(subjects, wanted)
        rows: list[Any] = []
        for some in _pieces(places):
            where = SqlCondition().one_of("place", some)
            rows += self._database.query(
                f"SELECT {_COLUMNS} FROM events WHERE {where.text} ORDER BY place",  # noqa: S608
                where.values,
            )
        return self._named(rows, SqlCondition())

    def _few_places(self, subjects: Sequence[int], wanted: _Wanted) -> list[int] | None:
        """Returns the places of events if there are few, as for most attempts.

        Returns None if there are many, or if the lookups of `_places` are few.
        """
        if len(subjects) * len(wanted.kinds) <= _MAX_DIRECT_LOOKS:
            return None
        where = SqlCondition().numbers("subject", subjects).numbers("kind", wanted.kinds)
        where.severity(wanted.severity)
        rows = self._database.query(
            f"SELECT place FROM events WHERE {where.text} LIMIT ?",  # noqa: S608 - constant parts, numbers
            [*where.values, _MAX_UNORDERED_EVENTS + 1],
        )
        if len(rows) > _MAX_UNORDERED_EVENTS:
            return None
        places = sorted(place for (place,) in rows if wanted.after < place <= wanted.until)
        return places[: wanted.limit]

    def _places(self, subjects: Sequence[int], wanted: _Wanted) -> list[int]:
        """Returns the places of events. The index has them in order within one attempt and one kind."""
        selects: list[str] = []
        values: list[object] = []
        for subject in subjects:
            for kind in wanted.kinds:
                graded = " AND severity >= ?" if kind in GRADED_KINDS and wanted.severity else ""
                selects.append(
                    "SELECT * FROM (SELECT place FROM events WHERE subject = ? AND kind = ?"  # noqa: S608
                    f" AND place > ? AND place <= ?{graded} ORDER BY place LIMIT ?) AS t{len(selects)}"
                )
                values += [subject, int(kind), wanted.after, wanted.until]
                values += [wanted.severity, wanted.limit] if graded else [wanted.limit]
        rows = self._database.query(
            f"{' UNION ALL '.join(selects)} ORDER BY 1 LIMIT ?", [*values, wanted.limit]
        )
        return [place for (place,) in rows]

    def _scan(self, wanted: _Wanted, until: int, prefix: str, attempt: int) -> list[Any]:
        """Returns the events of many attempts, by a scan of all events between two places."""
        near = SqlCondition().add("place > ? AND place <= ?", wanted.after, until)
        near.numbers("kind", [] if wanted.kinds is _ALL else wanted.kinds)
        near.severity(wanted.severity)
        where = SqlCondition()
        if "/" in prefix:
            where.below("path", prefix)
        if attempt:
            where.add("attempt = ?", attempt)
        maximum = SCAN_EVENTS if where.values else wanted.limit
        rows = self._database.query(
            f"SELECT {_COLUMNS} FROM events WHERE {near.text} ORDER BY place LIMIT ?",  # noqa: S608
            [*near.values, maximum],
        )
        return self._named(rows, where)[: wanted.limit]

    def _named(self, rows: Sequence[Any], where: SqlCondition) -> list[Any]:
        """Returns the rows whose subject matches, with path and attempt instead of its number."""
        # Two statements, because for a join databases may read all events below a node.
        known: dict[int, tuple[str, int]] = {}
        for some in _pieces(sorted({row[1] for row in rows})):
            asked = SqlCondition().one_of("id", some).add(where.text, *where.values)
            subjects = self._database.query(
                f"SELECT id, path, attempt FROM subjects WHERE {asked.text}",  # noqa: S608
                asked.values,
            )
            known.update((number, (path, attempt)) for number, path, attempt in subjects)
        return [(row[0], *known[row[1]], *row[2:]) for row in rows if row[1] in known]

    def _with_bodies(self, rows: Sequence[Any]) -> tuple[list[event_pb2.Event], int]:
        """Returns the events of rows up to `SLICE_BYTES`, and the number of rows that were used."""
        size = count = 0
        for count, row in enumerate(rows, 1):  # noqa: B007 - the count is used after the loop
            size += row[-1]
            if size >= SLICE_BYTES:
                break
        taken = rows[:count]
        bodies: dict[int, bytes] = {}
        for places in _pieces([row[0] for row in taken]):
            where = SqlCondition().one_of("place", places)
            bodies.update(
                self._database.query(f"SELECT place, body FROM events WHERE {where.text}", where.values)  # noqa: S608
            )
        # Events that were removed since are left out.
        events = [
            event_of((place & _SEQ, path, attempt, kind, time, bytes(bodies[place])))
            for place, path, attempt, kind, time, _ in taken
            if place in bodies
        ]
        return events, count


def _tip(states: int, bulk: int, kinds: Kinds) -> int:
    """Returns the position on the lane of these kinds; for kinds of both lanes the lower one."""
    if kinds and _BULK.isdisjoint(kinds):
        return states
    if kinds and _BULK.issuperset(kinds):
        return bulk
    return min(states, bulk)


def _pieces(numbers: Sequence[int]) -> Sequence[Sequence[int]]:
    return [numbers[at : at + _MAX_BODIES] for at in range(0, len(numbers), _MAX_BODIES)]
