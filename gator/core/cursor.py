"""Cursors: a filter and a position in each store, at both ends of a subscription.

Invariant: a consumer keeps one position per store and takes no event twice. A producer remembers only what is
unacknowledged on its connection.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from gator.event_kinds import FIELD_OF_KIND, GRADED_KINDS, filter_severity, kind_of
from gator.node_paths import is_below
from gator.v1 import attach_pb2, event_pb2

WINDOW_BYTES = 1024 * 1024
"""Default of the maximum number of unacknowledged bytes of a subscription."""
BATCH_BYTES = 256 * 1024
"""Maximum number of bytes of a message, unless a single event has more."""

_GRADED = {FIELD_OF_KIND[kind]: kind for kind in GRADED_KINDS}


class Accepted(Struct, frozen=True):
    """The new events of a batch in order, and the position after them."""

    store: str
    events: Sequence[event_pb2.Event]
    position: int


class Gap(Struct, frozen=True):
    """A batch began after `after`, but the consumer stands at `position`: it has to subscribe again."""

    store: str
    position: int
    after: int


class ConsumerCursor:
    """The positions of a consumer, one per store."""

    def __init__(self, positions: Mapping[str, int] | None = None) -> None:
        self._positions = dict(positions or {})

    def position(self, store: str) -> int:
        """Returns the sequence number of the last event taken from a store; 0 for none."""
        return self._positions.get(store, 0)

    @property
    def stores(self) -> int:
        """Number of stores with a position."""
        return len(self._positions)

    def positions(self) -> list[attach_pb2.StorePosition]:
        """Returns all positions, in the form of a Subscribe."""
        return [attach_pb2.StorePosition(store=store, seq=seq) for store, seq in self._positions.items()]

    def accept(self, batch: attach_pb2.Batch) -> Accepted | Gap | None:
        """Accepts a batch and advances the position; returns None if the batch has nothing new.

        The caller stores the events and the position in one transaction. If that fails, it continues with a
        new cursor from the stored positions.
        """
        position = self.position(batch.store)
        if batch.after > position:
            return Gap(batch.store, position, batch.after)
        if batch.through <= position:
            return None
        self._positions[batch.store] = batch.through
        events = batch.events
        if batch.after < position:
            return Accepted(batch.store, [event for event in events if event.seq > position], batch.through)
        return Accepted(batch.store, events, batch.through)


def matches(event_filter: attach_pb2.EventFilter, event: event_pb2.Event) -> bool:
    """Returns whether an event matches a filter, apart from `logs_per_attempt` (see LogQuota)."""
    if event_filter.kinds and kind_of(event) not in event_filter.kinds:
        return False
    name = event.WhichOneof("payload")
    if name in _GRADED and filter_severity(_GRADED[name], getattr(event, name)) < event_filter.severity:
        return False
    return is_below(event.path, event_filter.prefix)


class LogQuota:
    """The stateful part of a filter: only the first log events of each attempt match.

    Which ones match depends on the store alone. A producer that begins in the middle of a store therefore
    first passes the earlier events that match `quota_filter` to the quota.
    """

    def __init__(self, per_attempt: int) -> None:
        self._limit = per_attempt
        self._counts: dict[tuple[str, int], int] = {}

    def admit(self, event: event_pb2.Event) -> bool:
        """Counts an event that matches the rest of the filter; returns whether it is within the quota."""
        if not self._limit:
            return True
        kind = event.WhichOneof("payload")
        if kind == "log":
            key = (event.path, event.attempt)
            count = self._counts.get(key, 0) + 1
            self._counts[key] = count
            return count <= self._limit
        if kind == "attempt_finished":
            # No later event is about the attempt, so its count is no longer needed.
            self._counts.pop((event.path, event.attempt), None)
        return True


def quota_filter(event_filter: attach_pb2.EventFilter) -> attach_pb2.EventFilter:
    """Returns the filter of the events that change a quota."""
    return attach_pb2.EventFilter(
        kinds=[attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED],
        severity=event_filter.severity,
        prefix=event_filter.prefix,
    )


def without_quota(event_filter: attach_pb2.EventFilter) -> attach_pb2.EventFilter:
    """Returns the filter without `logs_per_attempt`, by which a store is read."""
    plain = attach_pb2.EventFilter()
    plain.CopyFrom(event_filter)
    plain.ClearField("logs_per_attempt")
    return plain


class ProducerWindow:
    """The flow control of one subscription: unacknowledged bytes, over all its stores."""

    def __init__(self, limit_bytes: int = 0, max_batch_bytes: int = BATCH_BYTES) -> None:
        """Makes an empty window; a limit of 0 means `WINDOW_BYTES`."""
        self._limit = limit_bytes or WINDOW_BYTES
        self.batch_bytes = min(self._limit, max_batch_bytes)
        """Maximum number of bytes of a message, unless a single event has more."""
        self._unacked: dict[str, deque[tuple[int, int]]] = {}
        self._used = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything sent was acknowledged."""
        return not any(self._unacked.values())

    def has_room(self, size_bytes: int) -> bool:
        """Returns whether a batch of this size may be sent now; one larger than the window is sent alone."""
        return not self._used or self._used + size_bytes <= self._limit

    def sent(self, store: str, through: int, size_bytes: int) -> None:
        """Adds a batch that was handed to the transport."""
        self._unacked.setdefault(store, deque()).append((through, size_bytes))
        self._used += size_bytes

    def acked(self, store: str, seq: int) -> None:
        """Removes the batches of a store that the consumer acknowledged up to `seq`."""
        waiting = self._unacked.get(store)
        while waiting and waiting[0][0] <= seq:
            self._used -= waiting.popleft()[1]


class ProducerCursor(Struct):
    """One store within one subscription, with events that were read and not sent.

    `read_through` is the position up to which the store was read, `sent_through` that of the last batch.
    """

    subscription: int
    store: str
    read_through: int
    window: ProducerWindow
    quota: LogQuota
    sent_through: int = 0
    _pending: deque[tuple[event_pb2.Event, int]] = field(default_factory=deque[tuple[event_pb2.Event, int]])

    def __post_init__(self) -> None:
        self.sent_through = self.read_through

    @property
    def can_send(self) -> bool:
        """Whether `next_batch` would return a batch."""
        return bool(self._pending) and self.window.has_room(self._pending[0][1])

    @property
    def wants_more(self) -> bool:
        """Whether to read on in the store, which is when everything read was sent."""
        return not self._pending

    def push(self, events: Iterable[event_pb2.Event], through: int) -> int:
        """Adds events read up to the position `through`; returns the bytes of those within the quota."""
        total = 0
        for event in events:
            if self.quota.admit(event):
                size = event.ByteSize()
                total += size
                self._pending.append((event, size))
        self.read_through = through
        return total

    def next_batch(self) -> attach_pb2.Batch | None:
        """Returns the next batch and adds it to the window; None if there is no event or no room."""
        if not self.can_send:
            return None
        batch = attach_pb2.Batch(subscription=self.subscription, store=self.store, after=self.sent_through)
        size = 0
        while self._pending:
            event, event_size = self._pending[0]
            if size and (
                size + event_size > self.window.batch_bytes - _ENVELOPE_BYTES
                or not self.window.has_room(size + event_size)
            ):
                break
            self._pending.popleft()
            # Each event has a tag and a length.
            size += event_size + 4
            batch.events.append(event)
        return self._close(batch, size, self._pending[0][0].seq - 1 if self._pending else self.read_through)

    def empty_batch(self) -> attach_pb2.Batch | None:
        """Returns a batch without events if all events since the last one were filtered out, else None."""
        if (
            self._pending
            or self.read_through <= self.sent_through
            or not self.window.has_room(_ENVELOPE_BYTES)
        ):
            return None
        batch = attach_pb2.Batch(subscription=self.subscription, store=self.store, after=self.sent_through)
        return self._close(batch, _ENVELOPE_BYTES, self.read_through)

    def _close(self, batch: attach_pb2.Batch, size: int, through: int) -> attach_pb2.Batch:
        batch.through = through
        self.sent_through = through
        self.window.sent(self.store, through, size)
        return batch


_ENVELOPE_BYTES = 512
"""Bytes reserved for the other fields of a batch: numbers and the id of the store."""


class RecordInbox:
    """The record numbers of one client id at its parent; it outlives the client's streams.

    Records are taken once, in the order of their numbers; `kept` follows when they are stored. A record that
    was taken before a disconnect is still being stored, so it is not taken again when it is sent again.
    """

    def __init__(self, kept: int = 0) -> None:
        self.taken = kept
        """Last number taken."""
        self.kept = kept
        """Last number stored, as in RecordAck and Welcome."""

    def take(self, number: int) -> bool:
        """Returns whether a record is new. Others have to be dropped, and `kept` acknowledged again."""
        if number <= self.taken:
            return False
        self.taken = number
        return True

    def keep(self, number: int) -> int:
        """Records that records up to `number` are stored; returns the number to acknowledge."""
        self.kept = max(self.kept, number)
        return self.kept
