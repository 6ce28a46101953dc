"""The output of one attempt: its streams, the messages in them, and how much of it is stored.

Rule: what is not stored is still counted.
"""

from collections import deque

from gator.core.attempt.lines import BlockBuilder
from gator.core.attempt.severity import Messages, of_stderr
from gator.core.text import clean, cut
from gator.units import size_text
from gator.v1 import attach_pb2, common_pb2, event_pb2

KEPT_TAIL_BYTES = 1024 * 1024
"""Of what is beyond the cap, at least so much of the end is stored too."""

_STDOUT = common_pb2.STREAM_STDOUT
_STDERR = common_pb2.STREAM_STDERR


class Output:
    """Both streams of an attempt. Times are in nanoseconds: `now` monotonic, `wall` since 1970.

    `cap` is the number of bytes that are stored; 0 means all.
    """

    __slots__ = ("_builders", "_cap", "_firsts", "_messages", "_stored", "_tail", "_tail_size", "dropped")

    def __init__(self, launch: attach_pb2.LaunchNode, cap: int, messages: Messages) -> None:
        path, attempt = launch.path, launch.attempt
        self._builders = {_STDOUT: BlockBuilder(path, attempt, _STDOUT, common_pb2.SEVERITY_INFO)}
        severity = of_stderr(launch.job.settings.stderr)
        if severity is not None:
            self._builders[_STDERR] = BlockBuilder(path, attempt, _STDERR, severity)
        self._messages = messages
        self._firsts: dict[common_pb2.Stream.ValueType, event_pb2.ErrorMessage] = {}
        self._cap = cap
        self._stored = 0
        self._tail: deque[event_pb2.Event] = deque()
        self._tail_size = 0
        self.dropped = 0
        """Bytes that will never be stored."""

    @property
    def streams(self) -> tuple[common_pb2.Stream.ValueType, ...]:
        """The streams that are read; where stderr is merged, only stdout."""
        return tuple(self._builders)

    @property
    def due(self) -> int | None:
        """When `flush_due` has to be called."""
        dues = [builder.due for builder in self._builders.values() if builder.due is not None]
        return min(dues) if dues else None

    def lines(self, stream: common_pb2.Stream.ValueType) -> int:
        """Number of lines read from a stream."""
        builder = self._builders.get(stream)
        return builder.counter.lines if builder is not None else 0

    def feed(
        self, stream: common_pb2.Stream.ValueType, data: bytes, now: int, wall: int
    ) -> list[event_pb2.Event]:
        """Take what was read; return the blocks to store."""
        builder = self._builders[stream]
        counter = builder.counter
        before = counter.messages
        full = builder.feed(data, now, wall)
        if counter.messages > before:
            self._messages.add(builder.severity, counter.messages - before)
            if not before:
                kept = self._messages.offer(builder.severity, "", stream, counter.first_message)
                if kept is not None:
                    self._firsts[stream] = kept
        return self._admit(full)

    def flush_due(self, now: int) -> list[event_pb2.Event]:
        """Close the blocks whose time has come."""
        blocks: list[event_pb2.Event] = []
        for builder in self._builders.values():
            if builder.due is not None and builder.due <= now:
                blocks.extend(builder.flush())
        return self._admit(blocks)

    def finish(self) -> list[event_pb2.Event]:
        """Close all blocks; return what is still to be stored, the end beyond the cap included."""
        blocks: list[event_pb2.Event] = []
        for builder in self._builders.values():
            blocks.extend(builder.flush())
        blocks = self._admit(blocks)
        blocks.extend(self._tail)
        self._tail.clear()
        for stream, kept in self._firsts.items():
            kept.text = cut(clean(self._builders[stream].counter.first_text))
        return blocks

    def cap_warning(self) -> str:
        """What to say about the cap once it is reached; empty before."""
        if not self.dropped:
            return ""
        return (
            f"more than {size_text(self._cap)} of output: {size_text(self.dropped)} were counted but not "
            "stored (raise it with --log-cap)"
        )

    def _admit(self, blocks: list[event_pb2.Event]) -> list[event_pb2.Event]:
        """Those of `blocks` that stand below the cap; the others wait as the possible end."""
        if not self._cap or not blocks:
            return blocks
        admitted: list[event_pb2.Event] = []
        for event in blocks:
            if self._stored + event.block.size_bytes <= self._cap and not self._tail:
                self._stored += event.block.size_bytes
                admitted.append(event)
                continue
            self._tail.append(event)
            self._tail_size += event.block.size_bytes
            while self._tail_size - self._tail[0].block.size_bytes >= KEPT_TAIL_BYTES:
                size = self._tail.popleft().block.size_bytes
                self._tail_size -= size
                self.dropped += size
        return admitted
