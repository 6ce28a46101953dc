"""Follows the files of `also_log` of one attempt, from its start until no process of it lives.

The files are looked at by a timer, as inotify says nothing of changes on network file systems. The pauses
grow while nothing is written, and a file system that does not answer holds up only its own attempt.
Invariant: at most one piece of each file is in memory, and none is read while the attempt is paused.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from gator.daemon.attempts.files.followed_file import PIECE_BYTES, FollowedFile
from gator.process.portions import Portions
from gator.runtime.loop import run_in_thread
from gator.units import size_text

MIN_PAUSE: Final = 0.05
"""Time in seconds between two looks while the files grow."""
MAX_PAUSE: Final = 1.0
MAX_REST_BYTES: Final = 128_000_000
"""Maximum number of bytes of each file that are read after the last process of the attempt has ended. They
take a few seconds, which no `timeout` limits."""
LAST_LOOKS: Final = 3
"""Number of looks at the end that may find little: the rest of a file, then the file that replaced it. Beyond
them a file that another program writes on is left."""

Pieces = list[bytes]


class LogTail:
    """The files of one attempt.

    `on_data` gets the place of a file and further bytes of it, `on_problem` a sentence about a file.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        files: Sequence[FollowedFile],
        on_data: Callable[[int, bytes], None],
        on_problem: Callable[[str], None],
    ) -> None:
        self._loop, self._files = loop, files
        self._on_data, self._on_problem = on_data, on_problem
        self._portions = Portions()
        self._rests: list[tuple[int, bytes]] = []
        """Bytes that were read and not passed on yet, by place."""
        self._pause = MIN_PAUSE
        self._timer: asyncio.TimerHandle | None = None
        self._then: Callable[[], None] | None = None
        self._last_looks = LAST_LOOKS
        self._is_reading = self._is_paused = self._is_closed = False
        self._problems: dict[str, str] = {}
        self._arm(MIN_PAUSE)

    def pause(self) -> None:
        """Reads nothing for a while."""
        self._is_paused = True

    def resume(self) -> None:
        """Reads again."""
        if self._is_paused:
            self._is_paused = False
            self._arm(0)

    def finish(self, then: Callable[[], None]) -> None:
        """Reads the rest, calls `then`, and looks at the files no more."""
        self._then = then
        self._arm(0)

    def close(self) -> None:
        """Closes the files."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if not self._is_reading or self._rests:
            self._close_files()

    def _arm(self, seconds: float) -> None:
        if self._is_reading or self._is_paused or self._is_closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        self._is_reading = True
        run_in_thread(self._read, self._take, lambda fault: [])

    def _read(self) -> Pieces:
        if self._then is not None:
            for file in self._files:
                file.limit(MAX_REST_BYTES)
        return [file.read() for file in self._files]

    def _take(self, pieces: Pieces) -> None:
        if self._is_closed:
            self._is_reading = False
            self._close_files()
            return
        self._rests = [(place, data) for place, data in enumerate(pieces) if data]
        self._pass_on(pieces)

    def _pass_on(self, pieces: Pieces) -> None:
        """Passes on what was read, in turns with other work, and then looks again."""
        if self._is_closed:
            return
        if self._rests:
            place, data = self._rests[0]
            rest = self._portions.pass_on(data, partial(self._on_data, place), lambda: not self._is_closed)
            self._rests[:1] = [(place, rest)] if rest else []
            if self._rests:
                self._loop.call_soon(self._pass_on, pieces)
                return
        self._look_again(pieces)

    def _look_again(self, pieces: Pieces) -> None:
        if self._is_closed:
            return
        self._is_reading = False
        for file in self._files:
            if file.problem and self._problems.get(file.shown) != file.problem:
                self._problems[file.shown] = file.problem
                self._on_problem(f"the file {file.shown} of `also_log` cannot be read: {file.problem}")
        has_more = any(pieces)
        self._pause = MIN_PAUSE if has_more else min(2 * self._pause, MAX_PAUSE)
        is_full = any(len(data) >= PIECE_BYTES for data in pieces)
        if self._then is None:
            self._arm(0 if is_full else self._pause)
        elif is_full or (has_more and self._last_looks > 0):
            self._last_looks -= 1
            self._arm(0)
        else:
            self._end(self._then)

    def _end(self, then: Callable[[], None]) -> None:
        for file in self._files:
            if not file.has_been and not file.problem:
                named = f"the file {file.shown} of `also_log`"
                self._on_problem(f"{named} was not found: it was not written, or removed before it was read")
            if file.left_out:
                named = f"{size_text(file.left_out)} of the file {file.shown} of `also_log` were left out"
                last = f"only its last {size_text(MAX_REST_BYTES)} are read after the job has ended"
                self._on_problem(f"{named}: it grew faster than it was read, and {last}")
        self.close()
        then()

    def _close_files(self) -> None:
        for file in self._files:
            file.close()
