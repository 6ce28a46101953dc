"""Queues the messages that a child sends: control messages first, then tips, then batches of events.

Invariant: it owns no task and no clock, and reads a store only in bounded pieces and only while there is
credit, so a slow consumer stops reading and nothing else.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct, field

from gator.core import cursor
from gator.link import message_parts, roles
from gator.v1 import attach_pb2, event_pb2

TICK_SECONDS = 0.2
"""Minimum interval of tips and of batches without events, in seconds."""
BATCH_SECONDS = 0.01
"""Minimum interval of small batches of one subscription, in seconds; events in between are sent together."""
_FULL_BATCH_EVENTS = 100
"""Number of events that are sent as a batch at once."""
READ_EVENTS = 500
"""Maximum number of events per read of a store, which takes a few milliseconds."""
READ_BLOCKS = 8
"""Maximum number of events per read that may contain blocks of up to 512 KiB; grows while they are small."""
_MORE_BLOCKS = 64


class StoreView(Protocol):
    """A store as subscriptions read it."""

    @property
    def committed(self) -> int:
        """The last committed sequence number."""
        ...

    def read(
        self, after: int, event_filter: attach_pb2.EventFilter, limit: int, /
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """Returns up to `limit` events after a position that match a filter, and the position read up to.

        The latter is beyond `after` if anything is committed there. Fewer events are returned if they are
        large. `logs_per_attempt` is ignored.
        """
        ...


class _Feed(Struct):
    """One store within one subscription."""

    store: StoreView
    cursor: cursor.ProducerCursor
    quota_at: int
    quota_until: int
    read_limit: int
    next_batch: float = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether there is anything to read or to send, and credit for it."""
        return self.cursor.can_send or (
            self.cursor.wants_more
            and self.cursor.window.has_room(1)
            and self.store.committed > self.cursor.read_through
        )

    def is_due(self, now: float) -> bool:
        """Returns whether it should be read or sent now if it is ready."""
        return now >= self.next_batch or self.store.committed - self.cursor.sent_through >= _FULL_BATCH_EVENTS

    def read(self, event_filter: attach_pb2.EventFilter) -> None:
        """Reads one piece. While pieces are small, the limit of the next one grows."""
        events, through = self.store.read(self.cursor.read_through, event_filter, self.read_limit)
        size = self.cursor.push(events, through)
        if self.read_limit <= _MORE_BLOCKS:
            self.read_limit = (
                min(self.read_limit * 2, _MORE_BLOCKS) if size < cursor.BATCH_BYTES else READ_BLOCKS
            )


class _Subscription(Struct):
    """A subscription of the parent."""

    request: attach_pb2.Subscribe
    read_filter: attach_pb2.EventFilter
    quota_filter: attach_pb2.EventFilter
    read_limit: int
    window: cursor.ProducerWindow
    feeds: dict[str, _Feed] = field(default_factory=dict[str, _Feed])

    def add(self, store_id: str, store: StoreView) -> None:
        """Adds a store."""
        after = max((p.seq for p in self.request.positions if p.store == store_id), default=0)
        quota = cursor.LogQuota(self.request.filter.logs_per_attempt)
        number = self.request.subscription
        self.feeds[store_id] = _Feed(
            store,
            cursor.ProducerCursor(number, store_id, after, self.window, quota),
            quota_at=0,
            quota_until=after if self.request.filter.logs_per_attempt else 0,
            read_limit=self.read_limit,
        )


class Producer:
    """All messages that wait to be sent on one stream of a child; each stream has its own."""

    def __init__(self, role: attach_pb2.Role.ValueType, wake: Callable[[], None]) -> None:
        """Initialises it; `wake` is called when there may be a message to send."""
        self._role = role
        self._batch_bytes = message_parts.BATCH_BYTES if role == attach_pb2.ROLE_ROOT else cursor.BATCH_BYTES
        self._wake = wake
        self._control: deque[attach_pb2.AttachRequest] = deque()
        self._due: deque[attach_pb2.AttachRequest] = deque()
        self._stores: dict[str, StoreView] = {}
        self._tips: dict[str, int] = {}
        self._subscriptions: dict[int, _Subscription] = {}
        self._next_tick = 0.0
        self.draining = False
        """Whether the stream is about to end, so that no message waits for the next tick."""
        self.expected = 0
        """Number of subscriptions that the consumer has announced."""
        self.acks = 0
        """Number of acks received."""

    @property
    def subscriptions(self) -> int:
        """Number of subscriptions."""
        return len(self._subscriptions)

    @property
    def awaits_ack(self) -> bool:
        """Whether a sent batch is not acknowledged yet."""
        return not all(subscription.window.is_empty for subscription in self._subscriptions.values())

    def add_store(self, store_id: str, store: StoreView) -> None:
        """Adds a store to all present and later subscriptions."""
        self._stores[store_id] = store
        self._tips[store_id] = 0
        for subscription in self._subscriptions.values():
            subscription.add(store_id, store)
        self._wake()

    def send(self, request: attach_pb2.AttachRequest) -> None:
        """Queues a message ahead of all events. Raises ProtocolError if the role may not send it."""
        roles.check_request(self._role, request)
        self._control.append(request)
        self._wake()

    def subscribe(self, request: attach_pb2.Subscribe) -> None:
        """Adds a subscription; one with the same number is replaced."""
        kinds = request.filter.kinds
        subscription = _Subscription(
            request,
            cursor.without_quota(request.filter),
            cursor.quota_filter(request.filter),
            READ_EVENTS if kinds and attach_pb2.EVENT_KIND_BLOCK not in kinds else READ_BLOCKS,
            cursor.ProducerWindow(request.window_bytes, self._batch_bytes),
        )
        for store_id, store in self._stores.items():
            subscription.add(store_id, store)
        self._subscriptions[request.subscription] = subscription
        self._wake()

    def ack(self, ack: attach_pb2.Ack) -> None:
        """Returns the credit of acknowledged batches to their subscription."""
        self.acks += 1
        subscription = self._subscriptions.get(ack.subscription)
        if subscription is not None:
            subscription.window.acked(ack.position.store, ack.position.seq)
            self._wake()

    @property
    def is_drained(self) -> bool:
        """Whether no message waits and each subscription has acknowledged all committed events."""
        if self._control or self._due or len(self._subscriptions) < self.expected:
            return False
        return all(
            subscription.window.is_empty
            and all(
                feed.cursor.wants_more and feed.cursor.sent_through >= feed.store.committed
                for feed in subscription.feeds.values()
            )
            for subscription in self._subscriptions.values()
        )

    def next_message(self, now: float) -> attach_pb2.AttachRequest | None:
        """Returns the next message; None if there is none or no credit. `now` is in steady seconds."""
        if self._control:
            return self._control.popleft()
        if self.draining or now >= self._next_tick:
            self._tick(now)
        if self._due:
            return self._due.popleft()
        for feed in self._feeds():
            if self.draining or feed.is_due(now):
                batch = feed.cursor.next_batch()
                if batch is not None:
                    if feed.cursor.read_through >= feed.store.committed:
                        feed.next_batch = now + BATCH_SECONDS
                    return attach_pb2.AttachRequest(batch=batch)
        return None

    def read_some(self, now: float) -> bool:
        """Reads one bounded piece of a store that a subscription can take. Returns False if there is none."""
        for subscription in self._subscriptions.values():
            for feed in subscription.feeds.values():
                if feed.cursor.can_send or not feed.is_ready or not (self.draining or feed.is_due(now)):
                    continue
                if feed.quota_at < feed.quota_until:
                    self._replay(feed, subscription)
                else:
                    feed.read(subscription.read_filter)
                return True
        return False

    def seconds_to_wait(self, now: float) -> float | None:
        """Returns the seconds until a message is due without a call of `wake`; None if none is."""
        waits = any(
            feed.cursor.wants_more and feed.cursor.sent_through < feed.cursor.read_through
            for feed in self._feeds()
        )
        waits = waits or any(store.committed > self._tips[key] for key, store in self._stores.items())
        until = [feed.next_batch for feed in self._feeds() if feed.is_ready]
        if waits:
            until.append(self._next_tick)
        return max(min(until) - now, 0.0005) if until else None

    def _replay(self, feed: _Feed, subscription: _Subscription) -> None:
        """Counts events before the start of a subscription in its quota, one piece at a time."""
        events, through = feed.store.read(feed.quota_at, subscription.quota_filter, READ_EVENTS)
        for event in events:
            if event.seq <= feed.quota_until:
                feed.cursor.quota.admit(event)
        feed.quota_at = through

    def _tick(self, now: float) -> None:
        self._next_tick = now + TICK_SECONDS
        for feed in self._feeds():
            batch = feed.cursor.empty_batch()
            if batch is not None:
                self._due.append(attach_pb2.AttachRequest(batch=batch))
            sent = feed.cursor.sent_through
            self._tips[feed.cursor.store] = max(self._tips[feed.cursor.store], sent)
        for store_id, store in self._stores.items():
            if store.committed > self._tips[store_id]:
                self._tips[store_id] = store.committed
                position = attach_pb2.StorePosition(store=store_id, seq=store.committed)
                self._due.append(attach_pb2.AttachRequest(tip=attach_pb2.Tip(position=position)))

    def _feeds(self) -> Iterator[_Feed]:
        for subscription in self._subscriptions.values():
            yield from subscription.feeds.values()
