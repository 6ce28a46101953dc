"""Cursors: a filter and a position over stores, at both ends. Does no I/O and owns no transport.

A consumer keeps one position per store and never takes an event twice. A producer remembers what is
unacknowledged on this connection, and nothing beyond it.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from gator.event_kinds import kind_of
from gator.node_paths import is_below
from gator.v1 import attach_pb2, event_pb2

WINDOW_BYTES = 1024 * 1024
"""Most bytes of batches that a subscription may have unacknowledged, where its consumer says nothing else."""
BATCH_BYTES = 256 * 1024
"""Most bytes of one message, unless one event alone has more."""


class Accepted(Struct, frozen=True):
    """What a batch brought: its new events in order, and the position that comes with them."""

    store: str
    events: Sequence[event_pb2.Event]
    position: int


class Gap(Struct, frozen=True):
    """A batch began after `after`, but the consumer stands at `position`: it has to subscribe again."""

    store: str
    position: int
    after: int


class ConsumerCursor:
    """One position per store, as a consumer keeps them."""

    def __init__(self, positions: Mapping[str, int] | None = None) -> None:
        self._positions = dict(positions or {})

    def position(self, store: str) -> int:
        """Sequence number of the last event of a store that was taken; 0 for none."""
        return self._positions.get(store, 0)

    @property
    def stores(self) -> int:
        """Number of stores of which something is known."""
        return len(self._positions)

    def positions(self) -> list[attach_pb2.StorePosition]:
        """All positions, as Subscribe carries them."""
        return [attach_pb2.StorePosition(store=store, seq=seq) for store, seq in self._positions.items()]

    def accept(self, batch: attach_pb2.Batch) -> Accepted | Gap | None:
        """Takes a batch and moves the position; None when it holds nothing new.

        What is made of the events and the new position belong in one transaction; when that fails, go on
        with a new cursor from the stored positions.
        """
        position = self.position(batch.store)
        if batch.after > position:
            return Gap(batch.store, position, batch.after)
        if batch.through <= position:
            return None
        self._positions[batch.store] = batch.through
        found = batch.events
        if batch.after < position:
            return Accepted(batch.store, [event for event in found if event.seq > position], batch.through)
        return Accepted(batch.store, found, batch.through)


def passes(wanted: attach_pb2.EventFilter, event: event_pb2.Event) -> bool:
    """Whether an event passes a filter, `logs_per_attempt` left aside (see LogQuota)."""
    if wanted.kinds and kind_of(event) not in wanted.kinds:
        return False
    match event.WhichOneof("payload"):
        case "log" if event.log.severity < wanted.severity:
            return False
        case "block" if event.block.severity < wanted.severity:
            return False
        case _:
            pass
    return is_below(event.path, wanted.prefix)


class LogQuota:
    """The part of a filter that has a memory: only the first log events of each attempt pass.

    Which ones pass depends on the store alone: a producer that begins in the middle of a store first
    shows the quota what stands before (`quota_filter` says what of it).
    """

    def __init__(self, per_attempt: int) -> None:
        self._limit = per_attempt
        self._seen: dict[tuple[str, int], int] = {}

    def admit(self, event: event_pb2.Event) -> bool:
        """Whether an event that passed the rest of the filter may go; counts it."""
        if not self._limit:
            return True
        kind = event.WhichOneof("payload")
        if kind == "log":
            key = (event.path, event.attempt)
            seen = self._seen.get(key, 0) + 1
            self._seen[key] = seen
            return seen <= self._limit
        if kind == "attempt_finished":
            # Nothing of the attempt comes after this, so its count can go.
            self._seen.pop((event.path, event.attempt), None)
        return True


def quota_filter(wanted: attach_pb2.EventFilter) -> attach_pb2.EventFilter:
    """The events that change a quota."""
    return attach_pb2.EventFilter(
        kinds=[attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED],
        severity=wanted.severity,
        prefix=wanted.prefix,
    )


def without_quota(wanted: attach_pb2.EventFilter) -> attach_pb2.EventFilter:
    """The filter without `logs_per_attempt`, as a store reads by it."""
    plain = attach_pb2.EventFilter()
    plain.CopyFrom(wanted)
    plain.ClearField("logs_per_attempt")
    return plain


class ProducerWindow:
    """The credit of one subscription: what was sent and is not acknowledged yet, over all its stores."""

    def __init__(self, limit_bytes: int = 0, most_batch_bytes: int = BATCH_BYTES) -> None:
        """A limit of 0 means as many as there may be."""
        self._limit = limit_bytes or WINDOW_BYTES
        self.batch_bytes = min(self._limit, most_batch_bytes)
        """Most bytes of one message, unless one event alone has more."""
        self._unacked: dict[str, deque[tuple[int, int]]] = {}
        self._used = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything sent was acknowledged."""
        return not any(self._unacked.values())

    def has_room(self, size_bytes: int) -> bool:
        """Whether that much may be sent now; one that is above the whole window goes alone."""
        return not self._used or self._used + size_bytes <= self._limit

    def sent(self, store: str, through: int, size_bytes: int) -> None:
        """A batch was handed to the transport."""
        self._unacked.setdefault(store, deque()).append((through, size_bytes))
        self._used += size_bytes

    def acked(self, store: str, seq: int) -> None:
        """The consumer has come to `seq` in a store."""
        waiting = self._unacked.get(store)
        while waiting and waiting[0][0] <= seq:
            self._used -= waiting.popleft()[1]


class ProducerCursor(Struct):
    """One store within one subscription: what was read of it and not sent yet.

    `read_through` is the place in the store that was read up to, `sent_through` the one that the last
    batch reached.
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
        """Whether `next_batch` would give one."""
        return bool(self._pending) and self.window.has_room(self._pending[0][1])

    @property
    def wants_more(self) -> bool:
        """Whether the store should be read on: only when all that was read has gone."""
        return not self._pending

    def push(self, found: Iterable[event_pb2.Event], through: int) -> int:
        """Takes what the store gave; `through` is the place it was read up to. Gives the bytes it took."""
        total = 0
        for event in found:
            if self.quota.admit(event):
                size = event.ByteSize()
                total += size
                self._pending.append((event, size))
        self.read_through = through
        return total

    def next_batch(self) -> attach_pb2.Batch | None:
        """The next batch, counted against the window; None when nothing is there or no credit is left."""
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
            # A tag and a length go with each event.
            size += event_size + 4
            batch.events.append(event)
        return self._close(batch, size, self._pending[0][0].seq - 1 if self._pending else self.read_through)

    def empty_batch(self) -> attach_pb2.Batch | None:
        """A batch without events, for when all places since the last were filtered out; None if none were."""
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
"""Room for what stands around the events of a batch: numbers and the id of the store."""


class RecordInbox:
    """The numbers of the records of one client id, at the parent; it outlives the client's streams.

    Records are taken once and in order of their numbers; `kept` follows when they are stored. What was
    taken before a cut is still on its way into the store, so it is not taken again when it is resent.
    """

    def __init__(self, kept: int = 0) -> None:
        self.taken = kept
        """The last number that was taken."""
        self.kept = kept
        """The last number that is stored, as RecordAck and Welcome say it."""

    def take(self, number: int) -> bool:
        """Whether a record is new. One that is not has to be acked again with `kept`, and dropped."""
        if number <= self.taken:
            return False
        self.taken = number
        return True

    def keep(self, number: int) -> int:
        """Everything up to `number` is stored; gives the number to ack."""
        self.kept = max(self.kept, number)
        return self.kept
