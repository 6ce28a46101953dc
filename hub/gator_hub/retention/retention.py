"""What a hub lets go: whole runs by age and number, and the middle of very long logs.

Rule: everything goes in small transactions through the one writer, so that what comes never waits long.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from logging import getLogger

from gator.errors import StoreError, UnavailableError
from gator.units import plural
from gator_hub.database.database import Database
from gator_hub.database.dialect import Dialect
from gator_hub.database.integrity import KEEPS_SIZE
from gator_hub.database.schema import SEQ_BITS
from gator_hub.database.texts import marks
from gator_hub.ingest.writer import Writer
from gator_hub.retention.trim_logs import trim
from gator_hub.settled_clock import SettledClock

LOOK_SECONDS = 20.0
"""How often to look for what may go."""
_REST_SECONDS = 0.01
_EVENTS = 200
"""Events that go at once; a block may have half a megabyte."""
_ROWS = 1000
_PAGES = 500
_HOUR_NANOS = 3_600 * 1_000_000_000
_DAY_NANOS = 24 * _HOUR_NANOS

_log = getLogger("gator.hub")


class Retention:
    """Removes what may go. `keep_days` and `keep_runs` None keep all; pinned runs always stay.

    Only runs that have ended, or were not heard of for an hour, go: others come back when their hub or the
    network does. `keep_runs` counts the runs of each ident.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        *,
        keep_days: int | None = None,
        keep_runs: int | None = None,
        log_cap_bytes: int = 0,
        now: Callable[[], int] | None = None,
    ) -> None:
        """`log_cap_bytes` is the most output that is kept of an attempt that has ended; 0 keeps all."""
        self._database, self._writer = database, writer
        self._now = now or SettledClock().now
        self._keep_days, self._keep_runs, self._cap = keep_days, keep_runs, log_cap_bytes
        self._wanted = asyncio.Event()
        self._stuck: dict[str, str] = {}
        """Runs that could not be removed, by their ids, and why."""
        self._has_told_size = False

    def look_soon(self) -> None:
        """Something was marked: look now, not only at the next time."""
        self._wanted.set()

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self.look()
            except (StoreError, UnavailableError) as error:
                _log.warning("nothing could be removed: %s", error)
            except Exception:  # a fault of ours in one look must not keep the hub from ever looking again
                _log.exception("nothing could be removed: a fault of the hub")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), LOOK_SECONDS)

    async def look(self) -> None:
        """Remove all that may go now."""
        if self._keep_days is not None or self._keep_runs is not None:
            marked = await asyncio.wrap_future(self._writer.run(self._mark))
            if marked:
                # They are gone for everybody now, whenever their rows go.
                _log.info("removed %s (%s)", plural(marked, "run"), self._limits())
        sql = "SELECT id, run, ident FROM runs WHERE deleted = 1 ORDER BY id"
        for number, run, ident in await asyncio.to_thread(self._database.query, sql):
            try:
                await self._remove(number)
            except (StoreError, UnavailableError) as error:
                # The others may go all the same.
                self._say_stuck(run, ident, str(error))
        if self._cap:
            await trim(self._database, self._writer, self._cap)

    def _say_stuck(self, run: str, ident: str, why: str) -> None:
        """Say it once, though it is tried at each look."""
        if self._stuck.get(run) != why:
            self._stuck[run] = why
            _log.warning("run %s (%s) could not be removed: %s", ident, run[:8], why)

    def _limits(self) -> str:
        """What the runs are over, as the options say it."""
        days = [f"--keep-days {self._keep_days}"] if self._keep_days is not None else []
        return ", ".join(days + ([f"--keep-runs {self._keep_runs}"] if self._keep_runs is not None else []))

    def _mark(self, database: Database) -> int:
        """Mark what is too old, or one too many; so many runs."""
        marked = 0
        if self._keep_days is not None:
            oldest = self._now() - self._keep_days * _DAY_NANOS
            marked += database.execute(
                "UPDATE runs SET deleted = 1 WHERE pinned = 0 AND connected = 0 AND deleted = 0"
                " AND started_unix_nanos < ? AND heard_unix_nanos < ?",
                (oldest, oldest),
            ).rowcount
        if self._keep_runs is not None:
            marked += database.execute(
                "UPDATE runs SET deleted = 1 WHERE pinned = 0 AND connected = 0 AND deleted = 0"
                " AND (ended_unix_nanos IS NOT NULL OR heard_unix_nanos < ?) AND id IN ("
                "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY ident"
                " ORDER BY started_unix_nanos DESC, id DESC) AS place FROM runs"
                " WHERE deleted = 0 AND pinned = 0) AS placed WHERE place > ?)",
                (self._now() - _HOUR_NANOS, self._keep_runs),
            ).rowcount
        return marked

    async def _remove(self, run: int) -> None:
        """Remove a run that is marked; after a crash it goes on where it was."""
        sql = "SELECT id FROM stores WHERE run = ?"
        for (store,) in await asyncio.to_thread(self._database.query, sql, (run,)):
            await self._in_pieces(partial(_remove_events, store=store))
        for table in ("metrics", "attempts", "nodes"):
            await self._in_pieces(partial(_remove_rows, table=table, run=run))
        await self._in_pieces(partial(_remove_subjects, run=run))
        await asyncio.wrap_future(self._writer.run(partial(self._remove_rest, run=run)))
        await self._in_pieces(self._give_back)

    async def _in_pieces(self, remove: Callable[[Database], int]) -> None:
        while await asyncio.wrap_future(self._writer.run(remove)):  # noqa: ASYNC110 - a rest, not a wait
            await asyncio.sleep(_REST_SECONDS)

    def _remove_rest(self, database: Database, run: int) -> None:
        for sql in (
            "DELETE FROM stores WHERE run = ?",
            "DELETE FROM run_labels WHERE run = ?",
            "DELETE FROM descriptions WHERE run = ?",
            "DELETE FROM runs WHERE id = ?",
        ):
            database.execute(sql, (run,))
        # The run may come again, under other numbers.
        self._writer.forget()

    def _give_back(self, database: Database) -> int:
        """Pages that are free go back to the file system, those of PostgreSQL by themselves; so many went."""
        if database.dialect is Dialect.POSTGRES:
            return 0
        free = _free_pages(database)
        database.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        gone = free - _free_pages(database)
        if free and not gone and not self._has_told_size:
            self._has_told_size = True
            _log.warning("%s %s", database.name, KEEPS_SIZE)
        return gone


def _free_pages(database: Database) -> int:
    return database.execute("PRAGMA freelist_count").fetchall()[0][0]


def _remove_events(database: Database, store: int) -> int:
    first = store << SEQ_BITS
    return database.execute(
        "DELETE FROM events WHERE place IN"
        " (SELECT place FROM events WHERE place >= ? AND place < ? ORDER BY place LIMIT ?)",
        (first, first + (1 << SEQ_BITS), _EVENTS),
    ).rowcount


def _remove_rows(database: Database, table: str, run: int) -> int:
    return database.execute(
        f"DELETE FROM {table} WHERE run = ? AND path IN"  # noqa: S608 - one of three names
        f" (SELECT path FROM {table} WHERE run = ? ORDER BY path LIMIT ?)",
        (run, run, _ROWS),
    ).rowcount


def _remove_subjects(database: Database, run: int) -> int:
    ids = [
        row[0]
        for row in database.execute("SELECT id FROM subjects WHERE run = ? LIMIT ?", (run, _ROWS)).fetchall()
    ]
    if not ids:
        return 0
    database.execute(f"DELETE FROM outputs WHERE subject IN ({marks(len(ids))})", ids)  # noqa: S608 - marks alone
    return database.execute(f"DELETE FROM subjects WHERE id IN ({marks(len(ids))})", ids).rowcount  # noqa: S608
