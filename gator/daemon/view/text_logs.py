"""The output of jobs as plain text files, for people who look into the folder of a run.

The files are copies that are made from the stores after the Result; the record does not depend on them.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from gator.core.outcomes import FAILURES, decisive_attempt
from gator.daemon.modes import TextLogMode
from gator.errors import StoreError
from gator.path_patterns import slug
from gator.runtime.loop import beside
from gator.v1 import event_pb2

ReadOutput = Callable[[str, int], Iterable[bytes]]
"""Returns the output of an attempt at a node, in parts."""


class TextLogs:
    """Writes `logs/<slug>.log` for jobs as their Results come."""

    def __init__(self, folder: Path, mode: TextLogMode, read: ReadOutput) -> None:
        self._folder, self._mode, self._read = folder, mode, read
        self._pool = ThreadPoolExecutor(1, "gator-text-logs")
        self._under_way: set[asyncio.Future[None]] = set()
        self._postponed: list[tuple[str, int]] = []
        """Attempts whose output cannot be read before the daemons have ended."""

    def on_job_result(self, path: str, result: event_pb2.Result) -> None:
        """Writes the file of a job whose Result and output are committed."""
        if self._mode is TextLogMode.NONE or not result.attempts:
            return
        if self._mode is TextLogMode.ALL or result.outcome in FAILURES:
            attempt = decisive_attempt(result.outcome, result.jobs, result.attempts)
            work = beside(partial(self._write, path, attempt), self._pool)
            self._under_way.add(work)
            work.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Waits until all files are written. The daemons have ended."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        if self._postponed:
            await beside(self._write_postponed, self._pool)
        self._pool.shutdown()

    def _write(self, path: str, attempt: int) -> None:
        # One failed try is enough, because it waits for seconds.
        if self._postponed or not self._copy(path, attempt):
            self._postponed.append((path, attempt))

    def _write_postponed(self) -> None:
        for path, attempt in self._postponed:
            self._copy(path, attempt)

    def _copy(self, path: str, attempt: int) -> bool:
        """Writes one file. Returns whether its output could be read; no file is left otherwise."""
        target = self._folder / f"{slug(path)}.log"
        try:
            with target.open("wb") as file:
                for piece in self._read(path, attempt):
                    file.write(piece)
        except OSError:
            # The copy cannot be written; the record is complete.
            target.unlink(missing_ok=True)
        except StoreError:
            target.unlink(missing_ok=True)
            return False
        return True
