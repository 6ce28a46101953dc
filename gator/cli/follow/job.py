"""Follows the output of one job over a stream of events.

States and output reach a hub over separate streams, so the end of a job may arrive before its last lines.

Invariant: the output is complete when its number of lines is that of the finished attempt.
"""

import threading
import time
from collections.abc import Callable, Iterator

from gator.cli.sources.source import Watch
from gator.v1 import attach_pb2, common_pb2, event_pb2
from gator.v1 import query_service_pb2 as qs

QUIET_SECONDS = 2.0
"""Timeout in seconds for further blocks after the end of a job or its last block."""
_RETRY_SECONDS = 0.2
"""Pause in seconds before a stream that ended is opened again."""
_KINDS = (
    attach_pb2.EVENT_KIND_BLOCK,
    attach_pb2.EVENT_KIND_ATTEMPT_FINISHED,
    attach_pb2.EVENT_KIND_RESULT,
)


class _Progress:
    """The lines of an attempt that have arrived."""

    def __init__(self, attempt: int) -> None:
        self._attempt = attempt
        self._last_lines: dict[int, int] = {}
        self._expected_lines: dict[int, int] | None = None
        self.ended = False

    def on_event(self, event: event_pb2.Event) -> event_pb2.Block | None:
        """Notes an event; returns its block if it is output of the attempt."""
        kind = event.WhichOneof("payload")
        if kind == "result":
            self.ended = True
        elif event.attempt != self._attempt:
            return None
        elif kind == "attempt_finished":
            ended = event.attempt_finished
            self._expected_lines = {
                common_pb2.STREAM_STDOUT: ended.stdout_lines,
                common_pb2.STREAM_STDERR: ended.stderr_lines,
                **{each.stream: each.lines for each in ended.log_files.list},
            }
            self.ended = True
        elif kind == "block":
            block = event.block
            last = block.first_line + block.lines - 1
            self._last_lines[block.stream] = max(self._last_lines.get(block.stream, 0), last)
            return block
        return None

    def is_complete(self) -> bool:
        """Returns whether every line has arrived."""
        return self._expected_lines is not None and all(
            self._last_lines.get(stream, 0) >= lines for stream, lines in self._expected_lines.items()
        )


def follow_blocks(watch: Watch, path: str, attempt: int) -> Iterator[event_pb2.Block]:
    """Yields the blocks of an attempt as they arrive, until its end."""
    watching = watch(qs.WatchEventsRequest(filter=attach_pb2.EventFilter(kinds=_KINDS, prefix=path)))
    progress = _Progress(attempt)
    timer: threading.Timer | None = None
    last = time.monotonic()
    try:
        while True:
            for response in watching.responses():
                for stored in response.events:
                    block = progress.on_event(stored.event) if stored.event.path == path else None
                    if block is not None:
                        yield block
                if progress.is_complete():
                    return
                last = time.monotonic()
                if progress.ended:
                    timer = _restarted(timer, watching.give_up)
            # The run has ended or the timer ended the stream; only output can still arrive.
            if progress.is_complete() or time.monotonic() - last >= QUIET_SECONDS:
                return
            time.sleep(_RETRY_SECONDS)
    finally:
        if timer is not None:
            timer.cancel()
        watching.give_up()


def _restarted(timer: threading.Timer | None, give_up: Callable[[], None]) -> threading.Timer:
    if timer is not None:
        timer.cancel()
    timer = threading.Timer(QUIET_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    return timer
