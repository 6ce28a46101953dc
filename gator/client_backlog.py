"""What a client holds until its parent has kept it: numbered, bounded, safe to use from any thread.

It never holds more than `MAX_BYTES`. When that is full a caller waits for room, which slows a flooding job
down; after `PATIENCE_SECONDS` without any ack nobody waits any more and the oldest are dropped.
"""

import threading
import time
from collections import deque

from msgspec import Struct

from gator.v1 import attach_pb2, common_pb2, event_pb2

MAX_BYTES = 1024 * 1024
PATIENCE_SECONDS = 10.0
_OVERHEAD_BYTES = 64


class _Item(Struct, frozen=True):
    record: attach_pb2.Record
    size: int


class Backlog:
    """Records from `put` until `acked`; streams take them in order, each stream from where it may."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._changed = threading.Condition()
        self._sent: deque[_Item] = deque()
        self._unsent: deque[_Item] = deque()
        self._max_bytes = max_bytes
        self._patience = patience_seconds
        self._bytes = 0
        self._numbers = 0
        self._stream = 0
        self._impatient_at: float | None = None
        self._unsaid = 0
        self._shut = False
        self.dropped = 0
        """How many records were dropped since the beginning."""

    def put(self, event: event_pb2.Event) -> None:
        """Takes an event; waits while it is full, and drops the oldest once waiting is of no use.

        An event that is larger than all there is room for is dropped.
        """
        size = event.ByteSize() + _OVERHEAD_BYTES
        with self._changed:
            if size > self._max_bytes:
                self.dropped += 1
                self._unsaid += 1
                return
            while not self._shut and self._bytes and self._bytes + size > self._max_bytes:
                now = time.monotonic()
                if self._impatient_at is None:
                    self._impatient_at = now + self._patience
                if now >= self._impatient_at:
                    self._drop_oldest()
                else:
                    self._changed.wait(self._impatient_at - now)
            if self._shut:
                self.dropped += 1
                return
            self._append(event, size)

    def take(self, stream: int) -> attach_pb2.Record | None:
        """The next record to send on a stream, as soon as there is one; None when the stream is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._stream != stream or self._shut or self._unsent)
            if self._stream != stream or not self._unsent:
                return None
            item = self._unsent.popleft()
            self._sent.append(item)
            return item.record

    def begin(self, kept: int) -> int:
        """A new stream: everything after `kept` has to be sent again. Gives the number of the stream."""
        with self._changed:
            self._unsent.extendleft(reversed(self._sent))
            self._sent.clear()
            self._stream += 1
            self._forget(kept)
            return self._stream

    def end_stream(self) -> None:
        """The stream is over; whoever waits in `take` for it gets None."""
        with self._changed:
            self._stream += 1
            self._changed.notify_all()

    def acked(self, number: int) -> None:
        """Everything up to a number is kept by the parent."""
        with self._changed:
            self._forget(number)

    def wait_empty(self, timeout_seconds: float) -> bool:
        """Whether everything is kept, waiting for that if need be."""
        with self._changed:
            return (
                self._changed.wait_for(lambda: self._shut or self.is_empty, timeout_seconds) and self.is_empty
            )

    @property
    def is_empty(self) -> bool:
        """Whether everything that was put is kept by the parent."""
        return not self._sent and not self._unsent

    def __len__(self) -> int:
        return len(self._sent) + len(self._unsent)

    def shut(self) -> None:
        """Nothing more is taken and nobody waits any more."""
        with self._changed:
            self._shut = True
            self._changed.notify_all()

    def _append(self, event: event_pb2.Event, size: int) -> None:
        self._numbers += 1
        self._bytes += size
        self._unsent.append(_Item(attach_pb2.Record(number=self._numbers, event=event), size))
        self._changed.notify_all()

    def _drop_oldest(self) -> None:
        # What was sent may have been kept all the same, so the number told is the largest it can be.
        item = self._sent.popleft() if self._sent else self._unsent.popleft()
        self._bytes -= item.size
        self.dropped += 1
        self._unsaid += 1

    def _forget(self, kept: int) -> None:
        self._impatient_at = None
        for items in (self._sent, self._unsent):
            while items and items[0].record.number <= kept:
                self._bytes -= items.popleft().size
        if self._unsaid:
            event = drop_notice(self._unsaid, time.time_ns())
            self._unsaid = 0
            self._append(event, event.ByteSize() + _OVERHEAD_BYTES)
        self._changed.notify_all()


def drop_notice(count: int, now_nanos: int) -> event_pb2.Event:
    """The warning that says how many records are missing."""
    event = event_pb2.Event(time_unix_nanos=now_nanos)
    event.log.severity = common_pb2.SEVERITY_WARNING
    event.log.logger = "gator"
    noun = "message was" if count == 1 else "messages were"
    event.log.text = (
        f"up to {count} {noun} dropped: too large, or nothing took them for {PATIENCE_SECONDS:.0f}s"
    )
    return event
