"""Numbers the subjects of events, a path with an attempt, so that the database stores each path once.

Invariant: only the writer assigns numbers, in the transaction that also stores them.
"""

from collections.abc import Iterable

from gator.core.text import without_nul
from gator.errors import ProtocolError
from gator.node_paths import MAX_PATH_BYTES
from gator.v1 import event_pb2
from gator_hub.database.database import Database
from gator_hub.database.statements import INSERT_SUBJECTS
from gator_hub.database.texts import MAX_QUOTED, SAME_VERSION, placeholders

MAX_KNOWN = 100_000
"""Maximum number of subjects in memory."""
_PIECE = 500

Key = tuple[int, str, int]


class Subjects:
    """The subjects of a database that is being written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[Key, int] = {}
        self._new: list[tuple[int, int, str, int]] = []
        self._next = 0

    def of(self, run: int, root: str, events: Iterable[event_pb2.Event]) -> list[int]:
        """Returns the number of the subject of each event of a run. `root` is the path of its root.

        Raises ProtocolError if the path of an event is not in this run, or is too long.
        """
        ids = self._ids
        keys = [(run, event.path, event.attempt) for event in events]
        try:
            return [ids[key] for key in keys]
        except KeyError:
            # Paths in memory were checked when they were added.
            unknown = {key for key in keys if key not in ids}
            _check(root, {path for _, path, _ in unknown})
            self._look_up(run, unknown)
            return [ids[key] for key in keys]

    def insert_new(self) -> None:
        """Stores the numbers that were assigned since the last call."""
        new, self._new = self._new, []
        INSERT_SUBJECTS.run(self._database, new)
        if len(self._ids) > MAX_KNOWN:
            self._ids.clear()

    def forget(self) -> None:
        """Drops all numbers in memory, because the transaction that would store them failed."""
        self._ids.clear()
        self._new.clear()
        self._next = 0

    def _look_up(self, run: int, unknown: Iterable[Key]) -> None:
        """Reads the numbers of subjects that are not in memory. Assigns new ones if the database has none."""
        paths = {path: without_nul(path) for _, path, _ in unknown}
        kept: dict[tuple[str, int], int] = {}
        stored = sorted(set(paths.values()))
        for at in range(0, len(stored), _PIECE):
            some = stored[at : at + _PIECE]
            marks = placeholders(len(some))
            rows = self._database.execute(
                f"SELECT path, attempt, id FROM subjects WHERE run = ? AND path IN ({marks})",  # noqa: S608
                (run, *some),
            ).fetchall()
            kept.update({(path, attempt): number for path, attempt, number in rows})
        if not self._next:
            ((last,),) = self._database.execute("SELECT coalesce(max(id), 0) FROM subjects").fetchall()
            self._next = last + 1
        for key in unknown:
            path, attempt = paths[key[1]], key[2]
            number = kept.get((path, attempt))
            if number is None:
                number = kept[path, attempt] = self._next
                self._next += 1
                self._new.append((number, run, path, attempt))
            self._ids[key] = number


def _check(root: str, paths: Iterable[str]) -> None:
    """Raises ProtocolError for a path that is not in this run or is too long for an index."""
    below = root + "/"
    for path in paths:
        if path != root and not path.startswith(below):
            raise ProtocolError(
                f"an event is about a node of another run, {path[:MAX_QUOTED]!r}: {SAME_VERSION}"
            )
        if len(path.encode()) > MAX_PATH_BYTES:
            shown = path[:MAX_QUOTED]
            raise ProtocolError(
                f"the path {shown!r} is longer than {MAX_PATH_BYTES} bytes: use shorter idents"
            )
