"""Sources of the output of an attempt: the pipes of its process, and the files of `also_log`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gator.process.pipes import Pipe
from gator.v1 import common_pb2

if TYPE_CHECKING:
    from gator.daemon.attempts.files.log_tail import LogTail


class AttemptStreams:
    """The sources of the output of one attempt; empty before its start."""

    __slots__ = ("pipes", "tail")

    def __init__(self) -> None:
        self.pipes: dict[common_pb2.Stream.ValueType, Pipe] = {}
        self.tail: LogTail | None = None
        """The reader of the files of `also_log`; None if there are none."""

    def pause(self) -> None:
        """Reads nothing for a while, so that the job waits when its pipes are full."""
        for pipe in self.pipes.values():
            pipe.pause()
        if self.tail is not None:
            self.tail.pause()

    def resume(self) -> None:
        """Reads again."""
        for pipe in self.pipes.values():
            pipe.resume()
        if self.tail is not None:
            self.tail.resume()

    def read_rest(self) -> bool:
        """Reads what the pipes hold. Returns whether it stopped because of the time."""
        pipes = [pipe for pipe in self.pipes.values() if not pipe.closed]
        for pipe in pipes:
            pipe.drain_now()
        return any(pipe.was_cut for pipe in pipes)

    def finish_logs(self, then: Callable[[], None]) -> None:
        """Reads the files of `also_log` to their end, and calls `then`."""
        if self.tail is not None:
            self.tail.finish(then)
        else:
            then()

    def close(self) -> None:
        """Closes pipes and files."""
        for pipe in self.pipes.values():
            pipe.close()
        self.pipes = {}
        if self.tail is not None:
            self.tail.close()
