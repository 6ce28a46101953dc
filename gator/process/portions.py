"""Passes data on in portions, so that data that is expensive to handle does not hold the event loop."""

from collections.abc import Callable
from time import thread_time

MAX_SECONDS = 0.010
"""Processor time for which data may be handled before other work of the loop gets its turn."""
_MIN_BYTES = 1024
_MAX_BYTES = 32 * 1024
"""Maximum size of a portion: output whose every line is an error begins without notice, and takes about 40 µs
a line."""


class Portions:
    """The size of the portions of one stream, which follows the time that the last one took."""

    __slots__ = ("_size",)

    def __init__(self) -> None:
        self._size = _MAX_BYTES // 4

    def pass_on(self, data: bytes, on_data: Callable[[bytes], None], may_go_on: Callable[[], bool]) -> bytes:
        """Passes data on for about `MAX_SECONDS`, and while `may_go_on`. Returns the rest of the data."""
        start = 0
        last = began = thread_time()
        while start < len(data):
            piece = data[start : start + self._size]
            on_data(piece)
            start += len(piece)
            now = thread_time()
            self._adapt(now - last)
            last = now
            if now - began > MAX_SECONDS or not may_go_on():
                break
        return data[start:]

    def _adapt(self, seconds: float) -> None:
        if seconds > MAX_SECONDS / 2:
            self._size = max(_MIN_BYTES, self._size // 4)
        elif self._size < _MAX_BYTES and seconds < MAX_SECONDS / 8:
            self._size = min(_MAX_BYTES, 2 * self._size)
