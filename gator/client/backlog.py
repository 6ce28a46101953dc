"""Records that a client holds until its parent has kept them: numbered, bounded, thread-safe.

Holds at most `MAX_BYTES`. When it is full a caller waits for room, which slows down a flooding job; after
`MAX_WAIT_SECONDS` without an ack callers no longer wait and the oldest records are dropped.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from gator.v1 import attach_pb2, common_pb2, event_pb2

MAX_BYTES = 1024 * 1024
MAX_WAIT_SECONDS = 10.0
_OVERHEAD_BYTES = 64


class _Item(Struct, frozen=True):
    record: attach_pb2.Record
    size: int


def _ignore() -> None:
    pass


class Backlog:
    """Records from `put` until `acked`. `on_record` is called, from any thread, when a record can be sent."""

    def __init__(
        self,
        on_record: Callable[[], object] = _ignore,
        *,
        max_bytes: int = MAX_BYTES,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        # A reentrant lock, because a signal handler of the same thread may log.
        self._changed = threading.Condition()
        self._on_record = on_record
        self._sent: deque[_Item] = deque()
        self._unsent: deque[_Item] = deque()
        self._max_bytes = max_bytes
        self._max_wait = max_wait_seconds
        self._bytes = 0
        self._numbers = 0
        self._drop_from: float | None = None
        self._unreported = 0
        self._shut = False
        self.dropped = 0
        """Number of records dropped since the beginning."""

    def put(self, event: event_pb2.Event, *, wait: bool = True, notice: bool = False) -> None:
        """Adds an event after waiting for room; drops the oldest records if no room becomes free.

        An event larger than the whole backlog is dropped. Without `wait` it never waits. A `notice` comes
        from the client itself.
        """
        size = event.ByteSize() + _OVERHEAD_BYTES
        with self._changed:
            if size > self._max_bytes:
                self.dropped += 1
                self._unreported += 1
                return
            while not self._shut and self._bytes and self._bytes + size > self._max_bytes:
                now = time.monotonic()
                if self._drop_from is None:
                    self._drop_from = now + self._max_wait
                if not wait or now >= self._drop_from:
                    self._drop_oldest()
                else:
                    self._changed.wait(self._drop_from - now)
            if self._shut:
                self.dropped += 1
                return
            self._append(event, size, notice=notice)
        self._on_record()

    def take(self) -> attach_pb2.Record | None:
        """Returns the next record to send, None when there is none."""
        with self._changed:
            if not self._unsent:
                return None
            item = self._unsent.popleft()
            self._sent.append(item)
            return item.record

    def begin(self, kept: int) -> None:
        """Starts a new stream: every record after number `kept` has to be sent again."""
        with self._changed:
            self._unsent.extendleft(reversed(self._sent))
            self._sent.clear()
            self._forget(kept)

    def acked(self, number: int) -> None:
        """Forgets every record up to a number: the parent has kept them."""
        with self._changed:
            self._forget(number)

    @property
    def last_number(self) -> int:
        """Number of the newest record; 0 before the first."""
        return self._numbers

    def holds(self, number: int) -> bool:
        """Returns whether a record up to a number is still held."""
        with self._changed:
            return any(items and items[0].record.number <= number for items in (self._sent, self._unsent))

    def wait_kept(self, timeout_seconds: float) -> bool:
        """Waits until the parent has kept every record put so far. Returns False on timeout."""
        with self._changed:
            last = self._numbers
            return self._changed.wait_for(
                lambda: self._shut or not self.holds(last), timeout_seconds
            ) and not self.holds(last)

    def __len__(self) -> int:
        return len(self._sent) + len(self._unsent)

    def shut(self) -> None:
        """Refuses further records and releases every waiting caller."""
        with self._changed:
            self._shut = True
            self._changed.notify_all()

    def _append(self, event: event_pb2.Event, size: int, *, notice: bool) -> None:
        self._numbers += 1
        self._bytes += size
        record = attach_pb2.Record(number=self._numbers, event=event, notice=notice)
        self._unsent.append(_Item(record, size))

    def _drop_oldest(self) -> None:
        # A record that was sent may have been kept, so the number reported is an upper bound.
        item = self._sent.popleft() if self._sent else self._unsent.popleft()
        self._bytes -= item.size
        self.dropped += 1
        self._unreported += 1

    def _forget(self, kept: int) -> None:
        self._drop_from = None
        for items in (self._sent, self._unsent):
            while items and items[0].record.number <= kept:
                self._bytes -= items.popleft().size
        if self._unreported:
            event = drop_notice(self._unreported, time.time_ns())
            self._unreported = 0
            self._append(event, event.ByteSize() + _OVERHEAD_BYTES, notice=True)
        self._changed.notify_all()


def drop_notice(count: int, now_nanos: int) -> event_pb2.Event:
    """Returns a warning with the number of records that were dropped."""
    noun = "message was" if count == 1 else "messages were"
    text = f"up to {count} {noun} dropped: too large, or not accepted within {MAX_WAIT_SECONDS:.0f}s"
    return notice_event(text, now_nanos)


def notice_event(text: str, now_nanos: int) -> event_pb2.Event:
    """Returns a warning of the client itself."""
    event = event_pb2.Event(time_unix_nanos=now_nanos)
    event.log.severity = common_pb2.SEVERITY_WARNING
    event.log.logger = "gator"
    event.log.text = text
    return event
