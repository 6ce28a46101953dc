"""Removes old runs by age and number, and trims very long logs.

Invariant: all removals are small transactions of the one writer, so new events never wait long.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from logging import getLogger
from typing import Any, cast

import peewee as pw

from gator.errors import StoreError, UnavailableError
from gator.units import plural
from gator_hub.database.database import Database
from gator_hub.database.dialect import Dialect
from gator_hub.database.integrity import KEEPS_SIZE
from gator_hub.database.models import Model
from gator_hub.database.tables import SEQ_BITS
from gator_hub.ingest.writer import Writer
from gator_hub.retention.trim_logs import trim
from gator_hub.settled_clock import SettledClock

SCAN_INTERVAL_SECONDS = 20.0
"""Interval in seconds of removals."""
_REST_SECONDS = 0.01
_EVENTS = 200
"""Number of events removed per transaction; a block may have 512 KiB."""
_ROWS = 1000
_PAGES = 500
_HOUR_NANOS = 3_600 * 1_000_000_000
_DAY_NANOS = 24 * _HOUR_NANOS

_log = getLogger("gator.hub")


class Retention:
    """Removes runs. `keep_days` and `keep_runs` None keep all; pinned runs are never removed.

    Only runs that have ended, or sent nothing for an hour, are removed, because others may reconnect.
    `keep_runs` is the number of runs of each ident.
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
        """Initialises it; `log_cap_bytes` is the maximum output kept of an ended attempt; 0 keeps all."""
        self._database, self._writer = database, writer
        self._now = now or SettledClock().now
        self._keep_days, self._keep_runs, self._cap = keep_days, keep_runs, log_cap_bytes
        self._wanted = asyncio.Event()
        self._stuck: dict[str, str] = {}
        """Reasons of failed removals, by the id of the run."""
        self._has_told_size = False

    def wake(self) -> None:
        """Starts a removal now, because a run was marked as removed."""
        self._wanted.set()

    async def run(self) -> None:
        """Removes periodically until it is cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self.scan()
            except (StoreError, UnavailableError) as error:
                _log.warning("nothing could be removed: %s", error)
            except Exception:  # A defect in one round must not end all later rounds.
                _log.exception("nothing could be removed: a fault of the hub")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), SCAN_INTERVAL_SECONDS)

    async def scan(self) -> None:
        """Removes all runs that are due, and trims logs."""
        if self._keep_days is not None or self._keep_runs is not None:
            marked = await asyncio.wrap_future(self._writer.run(self._mark))
            if marked:
                # Marked runs are invisible from now on, even before their rows are removed.
                _log.info("removed %s (%s)", plural(marked, "run"), self._limits())
        runs = self._database.models.runs
        marked_runs = runs.select(runs.id, runs.run, runs.ident).where(runs.deleted == 1).order_by(runs.id)
        for number, run, ident in await asyncio.to_thread(self._database.rows, marked_runs):
            try:
                await self._remove(number)
            except (StoreError, UnavailableError) as error:
                # The other runs can still be removed.
                self._say_stuck(run, ident, str(error))
        if self._cap:
            await trim(self._database, self._writer, self._cap)

    def _say_stuck(self, run: str, ident: str, why: str) -> None:
        """Logs a failed removal once, although it is tried in each round."""
        if self._stuck.get(run) != why:
            self._stuck[run] = why
            _log.warning("run %s (%s) could not be removed: %s", ident, run[:8], why)

    def _limits(self) -> str:
        """Returns the options that made the runs due, for the log."""
        days = [f"--keep-days {self._keep_days}"] if self._keep_days is not None else []
        return ", ".join(days + ([f"--keep-runs {self._keep_runs}"] if self._keep_runs is not None else []))

    def _mark(self, database: Database) -> int:
        """Marks runs that are too old or too many. Returns their number."""
        runs = database.models.runs
        removable = (runs.pinned == 0) & (runs.connected == 0) & (runs.deleted == 0)
        marked = 0
        if self._keep_days is not None:
            oldest = self._now() - self._keep_days * _DAY_NANOS
            is_old = (runs.started_unix_nanos < oldest) & (runs.last_seen_unix_nanos < oldest)
            marked += database.run(runs.update(deleted=1).where(removable, is_old)).rowcount
        if self._keep_runs is not None:
            is_over = runs.ended_unix_nanos.is_null(False) | (
                runs.last_seen_unix_nanos < self._now() - _HOUR_NANOS
            )
            newest_first = [runs.started_unix_nanos.desc(), runs.id.desc()]
            rank = cast("Any", pw.fn.row_number()).over(partition_by=[runs.ident], order_by=newest_first)
            kept = runs.select(runs.id.alias("id"), rank.alias("place"))
            placed = kept.where(runs.deleted == 0, runs.pinned == 0).alias("placed")
            too_many = placed.select_from(placed.c.id).where(placed.c.place > self._keep_runs)
            marked += database.run(
                runs.update(deleted=1).where(removable, is_over, runs.id.in_(too_many))
            ).rowcount
        return marked

    async def _remove(self, run: int) -> None:
        """Removes a marked run; after a crash it continues."""
        models = self._database.models
        stores = models.stores.select(models.stores.id).where(models.stores.run == run)
        for (store,) in await asyncio.to_thread(self._database.rows, stores):
            await self._in_pieces(partial(_remove_events, store=store))
        for model in (models.metrics, models.failed_tests, models.attempts, models.nodes):
            await self._in_pieces(partial(_remove_rows, model=model, run=run))
        await self._in_pieces(partial(_remove_subjects, run=run))
        await asyncio.wrap_future(self._writer.run(partial(self._remove_rest, run=run)))
        await self._in_pieces(self._give_back)

    async def _in_pieces(self, remove: Callable[[Database], int]) -> None:
        while await asyncio.wrap_future(self._writer.run(remove)):  # noqa: ASYNC110 - a pause
            await asyncio.sleep(_REST_SECONDS)

    def _remove_rest(self, database: Database, run: int) -> None:
        models = database.models
        for model in (models.stores, models.run_labels, models.descriptions):
            database.run(model.delete().where(model.run == run))
        database.run(models.runs.delete().where(models.runs.id == run))
        # The run may be uploaded again with other numbers.
        self._writer.forget()

    def _give_back(self, database: Database) -> int:
        """Frees unused pages of SQLite; PostgreSQL does so itself. Returns their number."""
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
    events = database.models.events
    first = store << SEQ_BITS
    some = (
        events.select(events.place)
        .where(events.place >= first, events.place < first + (1 << SEQ_BITS))
        .order_by(events.place)
        .limit(_EVENTS)
    )
    return database.run(events.delete().where(events.place.in_(some))).rowcount


def _remove_rows(database: Database, model: Model, run: int) -> int:
    some = model.select(model.path).where(model.run == run).order_by(model.path).limit(_ROWS)
    return database.run(model.delete().where(model.run == run, model.path.in_(some))).rowcount


def _remove_subjects(database: Database, run: int) -> int:
    subjects, outputs = database.models.subjects, database.models.outputs
    some = subjects.select(subjects.id).where(subjects.run == run).limit(_ROWS)
    ids = [row[0] for row in database.run(some).fetchall()]
    if not ids:
        return 0
    database.run(outputs.delete().where(outputs.subject.in_(ids)))
    return database.run(subjects.delete().where(subjects.id.in_(ids))).rowcount
