"""Numbers for what events are about, so that a path stands in the database once.

The rule: a number is given by the one writer, and only within a transaction that also keeps it.
"""

from collections.abc import Iterable

from gator.v1 import event_pb2
from gator_hub.database import Database, clean
from gator_hub.statements import SUBJECTS

MOST_KNOWN = 100_000
"""So many numbers are held in memory."""
_PIECE = 500

Key = tuple[int, str, int]


class Subjects:
    """The subjects of a database that is being written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[Key, int] = {}
        self._new: list[tuple[int, int, str, int]] = []
        self._next = 0

    def of(self, run: int, events: Iterable[event_pb2.Event]) -> dict[tuple[str, int], int]:
        """The numbers of all that events of a run are about, by path and attempt."""
        found: dict[tuple[str, int], int] = {}
        unknown: dict[tuple[str, int], str] = {}
        for event in events:
            pair = (event.path, event.attempt)
            if pair in found or pair in unknown:
                continue
            number = self._ids.get((run, *pair))
            if number is None:
                unknown[pair] = clean(event.path)
            else:
                found[pair] = number
        if unknown:
            self._look_up(run, unknown, found)
        return found

    def insert_new(self) -> None:
        """Keep the numbers that were given since the last time."""
        new, self._new = self._new, []
        SUBJECTS.run(self._database, new)
        if len(self._ids) > MOST_KNOWN:
            self._ids.clear()

    def forget(self) -> None:
        """A transaction failed: what was given in it does not count."""
        self._ids.clear()
        self._new.clear()
        self._next = 0

    def _look_up(
        self, run: int, unknown: dict[tuple[str, int], str], found: dict[tuple[str, int], int]
    ) -> None:
        kept: dict[tuple[str, int], int] = {}
        paths = sorted(set(unknown.values()))
        for at in range(0, len(paths), _PIECE):
            some = paths[at : at + _PIECE]
            marks = ", ".join("?" * len(some))
            rows = self._database.execute(
                f"SELECT path, attempt, id FROM subjects WHERE run = ? AND path IN ({marks})",  # noqa: S608
                (run, *some),
            ).fetchall()
            kept.update({(path, attempt): number for path, attempt, number in rows})
        if not self._next:
            ((last,),) = self._database.execute("SELECT coalesce(max(id), 0) FROM subjects").fetchall()
            self._next = last + 1
        for pair, path in unknown.items():
            number = kept.get((path, pair[1]))
            if number is None:
                number = kept[path, pair[1]] = self._next
                self._next += 1
                self._new.append((number, run, path, pair[1]))
            self._ids[run, pair[0], pair[1]] = found[pair] = number
