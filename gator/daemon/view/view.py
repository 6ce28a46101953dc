"""The display of a run within its root, with the cursors that feed it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from pathlib import Path

from gator.daemon.modes import TextLogMode
from gator.daemon.view.tail import Tail
from gator.daemon.view.text_logs import TextLogs
from gator.errors import StoreError
from gator.node_paths import template_of
from gator.plan import Plan
from gator.ports import Clock, Display, RunInfo, RunningJob
from gator.run_folder import RunFolder
from gator.store import RunStores, Store, StoreReader
from gator.v1 import attach_pb2, common_pb2, event_pb2

REDRAW_SECONDS = 0.1
"""Minimum time between two redraws of a display."""
_OF_TIERS = frozenset({attach_pb2.EVENT_KIND_DECLARED, attach_pb2.EVENT_KIND_RESULT})


class View:
    """Feeds a display. `tally` returns the number of jobs of the run by state."""

    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        display: Display,
        clock: Clock,
        *,
        text_logs: TextLogMode,
        tally: Callable[[], event_pb2.Tally],
    ) -> None:
        self.display = display
        self.started: dict[str, float] = {}
        """When this process learned of the start of each running job, in seconds of the steady clock."""
        self.stopping = False
        self._folder, self._plan, self._clock, self._tally = folder, plan, clock, tally
        self._loop = asyncio.get_running_loop()
        self._logs = TextLogs(folder.logs, text_logs, self._read_output)
        self._starting: set[str] = set()
        """The running jobs that have not written the line after which they work."""
        self._is_progress_shown = attach_pb2.EVENT_KIND_PROGRESS in display.wants.kinds
        self._wanted = self._filter(text_logs)
        self._tail = Tail(self._wanted, self._show, display.ready)
        self._own = ""
        self._store: Store | None = None
        self._ending = False
        """Whether the daemons have ended."""
        self._others: list[StoreReader] = []
        self._redraw: asyncio.TimerHandle | None = None

    # -- for the display

    @property
    def tally(self) -> event_pb2.Tally:
        """Number of jobs by state."""
        return self._tally()

    def running(self, maximum: int) -> Iterable[RunningJob]:
        """Returns the jobs that have run longest."""
        oldest = nsmallest(maximum, self.started.items(), key=_second)
        return [RunningJob(path, at, path in self._starting) for path, at in oldest]

    # -- from the root

    def begin(self, info: RunInfo, store: Store) -> None:
        """Begins to show the run; `store` is the root's own."""
        self._own, self._store = store.store_id, store
        self._tail.follow(store.store_id, store)
        self.display.on_start(info, self)
        self.changed()

    def follow(self, store_id: str, path: Path, *, tiers: bool) -> None:
        """Follows the store of a daemon if the display wants some of its events."""
        kinds = set(self._wanted.kinds)
        if tiers or not kinds or not kinds <= _OF_TIERS:
            other = StoreReader.open(path)
            self._others.append(other)
            self._tail.follow(store_id, other)

    def poke(self, store_id: str) -> None:
        """Reads a store that may have grown."""
        self._tail.poke(store_id)

    def changed(self) -> None:
        """Redraws the display soon."""
        soon = self._loop.time() + REDRAW_SECONDS
        if self._redraw is not None:
            if self._redraw.when() <= soon:
                return
            # It is due later.
            self._redraw.cancel()
        self._redraw = self._loop.call_at(soon, self._draw)

    async def end(self) -> None:
        """Shows the rest of the committed events and waits until the text files are written."""
        self._ending = True
        await self._tail.finish()
        for other in self._others:
            other.close()
        await self._logs.finish()
        if self._redraw is not None:
            self._redraw.cancel()

    def on_commit(self) -> None:
        """Shows what the root's own store has committed."""
        self._tail.poke(self._own)

    # -- within

    def _filter(self, text_logs: TextLogMode) -> attach_pb2.EventFilter:
        """Returns the filter of the display, with the Results that text files need."""
        event_filter = attach_pb2.EventFilter()
        event_filter.CopyFrom(self.display.wants)
        needed = text_logs is not TextLogMode.NONE
        if needed and event_filter.kinds and attach_pb2.EVENT_KIND_RESULT not in event_filter.kinds:
            event_filter.kinds.append(attach_pb2.EVENT_KIND_RESULT)
        starts = any(
            node.job is not None and node.job.settings.starts.match for node in self._plan.nodes.values()
        )
        if starts and event_filter.kinds and not self._is_progress_shown:
            event_filter.kinds.append(attach_pb2.EVENT_KIND_PROGRESS)
        return event_filter

    def _show(self, events: Sequence[event_pb2.Event]) -> None:
        for event in events:
            if event.HasField("progress"):
                self._on_progress(event.path, event.progress)
            elif event.WhichOneof("payload") == "result":
                self._starting.discard(event.path)
                node = self._plan.nodes.get(template_of(event.path))
                if node is not None and node.kind == common_pb2.NODE_KIND_JOB:
                    self._logs.on_job_result(event.path, event.result)
        if not self._is_progress_shown:
            events = [event for event in events if not event.HasField("progress")]
        self.display.on_events(events)

    def _on_progress(self, path: str, progress: event_pb2.Progress) -> None:
        if progress.starting != (path in self._starting):
            self._starting ^= {path}
            self.changed()

    def _draw(self) -> None:
        self._redraw = None
        again = self.display.on_change(self._clock.monotonic())
        if again is not None:
            self._redraw = self._loop.call_later(again, self._draw)

    def _read_output(self, path: str, attempt: int) -> Iterable[bytes]:
        """Yields the output of an attempt. Raises StoreError if a live daemon's store cannot be read."""
        assert self._store is not None
        with RunStores.open(self._folder.path, self._store.reader()) as stores:
            stores.readers()
            if stores.unreadable and not self._ending:
                raise StoreError(next(iter(stores.unreadable.values())))
            yield from stores.output(path, attempt)


def _second(item: tuple[str, float]) -> float:
    return item[1]
