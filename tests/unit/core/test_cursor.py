"""Cursors: whatever is dropped, doubled or cut, each selected event arrives once and in order."""

from collections import deque
from dataclasses import dataclass, field

import hypothesis.strategies as st
import pytest
from hypothesis import given

from gator.core.cursor import (
    BATCH_BYTES,
    WINDOW_BYTES,
    Accepted,
    ConsumerCursor,
    Gap,
    LogQuota,
    ProducerCursor,
    ProducerWindow,
    RecordInbox,
    matches,
    quota_filter,
    without_quota,
)
from gator.v1 import attach_pb2, event_pb2
from tests.properties import examples


def log(seq: int = 0, size: int = 1, severity: int = 3, path: str = "a") -> event_pb2.Event:
    event = event_pb2.Event(seq=seq, path=path, attempt=1)
    event.log.text = "x" * size
    event.log.severity = severity  # type: ignore[assignment]
    return event


def finished(path: str = "a") -> event_pb2.Event:
    event = event_pb2.Event(path=path, attempt=1)
    event.attempt_finished.SetInParent()
    return event


def batch(after: int, through: int, *seqs: int, store: str = "s") -> attach_pb2.Batch:
    return attach_pb2.Batch(subscription=1, store=store, after=after, through=through, events=map(log, seqs))


def test_a_consumer_takes_a_batch_once_and_drops_what_it_knows() -> None:
    cursor = ConsumerCursor()
    first = cursor.accept(batch(0, 3, 1, 3))
    assert isinstance(first, Accepted)
    assert [event.seq for event in first.events] == [1, 3]
    assert cursor.accept(batch(0, 3, 1, 3)) is None
    overlapping = cursor.accept(batch(1, 6, 3, 5))
    assert isinstance(overlapping, Accepted)
    assert [event.seq for event in overlapping.events] == [5]
    assert cursor.position("s") == 6


def test_a_batch_that_begins_beyond_the_position_is_a_gap_and_changes_nothing() -> None:
    cursor = ConsumerCursor({"s": 4})
    assert cursor.accept(batch(5, 9, 6)) == Gap("s", 4, 5)
    assert cursor.position("s") == 4


def test_stores_are_counted_apart() -> None:
    cursor = ConsumerCursor({"s": 4})
    cursor.accept(batch(0, 2, 1, store="t"))
    assert {p.store: p.seq for p in cursor.positions()} == {"s": 4, "t": 2}


@pytest.mark.parametrize(
    ("wanted", "through"),
    [
        (attach_pb2.EventFilter(), True),
        (attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_LOG]), True),
        (attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_BLOCK]), False),
        (attach_pb2.EventFilter(severity=3), True),  # type: ignore[arg-type]
        (attach_pb2.EventFilter(severity=4), False),  # type: ignore[arg-type]
        (attach_pb2.EventFilter(prefix="a"), True),
        (attach_pb2.EventFilter(prefix="a/b"), True),
        (attach_pb2.EventFilter(prefix="a/bc"), False),
        (attach_pb2.EventFilter(prefix="b"), False),
    ],
)
def test_a_filter_goes_by_kind_severity_and_prefix(wanted: attach_pb2.EventFilter, through: bool) -> None:
    assert matches(wanted, log(path="a/b")) is through


@pytest.mark.parametrize(("severity", "through"), [(3, True), (4, False)])
def test_blocks_pass_by_the_severity_of_their_stream(severity: int, through: bool) -> None:
    event = event_pb2.Event(path="a", attempt=1)
    event.block.severity = 3  # type: ignore[assignment]
    assert matches(attach_pb2.EventFilter(severity=severity), event) is through  # type: ignore[arg-type]


def test_severity_concerns_log_events_and_blocks_only() -> None:
    assert matches(attach_pb2.EventFilter(severity=5), finished())  # type: ignore[arg-type]


def test_a_quota_lets_the_first_of_each_attempt_pass_and_forgets_ended_attempts() -> None:
    quota = LogQuota(2)
    assert [quota.admit(log()) for _ in range(4)] == [True, True, False, False]
    assert quota.admit(log(path="b"))
    assert quota.admit(finished())
    assert quota.admit(log())
    assert all(LogQuota(0).admit(log()) for _ in range(100))


def test_an_event_above_the_window_goes_alone() -> None:
    window = ProducerWindow()
    cursor = ProducerCursor(1, "s", 0, window, LogQuota(0))
    cursor.push([log(1), log(2, WINDOW_BYTES + 1), log(3)], 3)
    first = cursor.next_batch()
    assert first is not None
    assert [event.seq for event in first.events] == [1]
    assert cursor.next_batch() is None
    window.acked("s", 1)
    second = cursor.next_batch()
    assert second is not None
    assert [event.seq for event in second.events] == [2]
    assert cursor.next_batch() is None
    window.acked("s", 2)
    assert cursor.next_batch() is not None
    assert not window.is_empty
    window.acked("s", 3)
    assert window.is_empty


def test_credit_is_shared_by_the_stores_of_a_subscription() -> None:
    window = ProducerWindow(1000)
    one = ProducerCursor(1, "s", 0, window, LogQuota(0))
    two = ProducerCursor(1, "t", 0, window, LogQuota(0))
    one.push([log(1, 900)], 1)
    two.push([log(1, 900)], 1)
    assert one.next_batch() is not None
    assert two.next_batch() is None
    window.acked("t", 5)
    assert two.next_batch() is None
    window.acked("s", 1)
    assert two.next_batch() is not None


def test_a_batch_is_never_larger_than_the_window_its_consumer_gives() -> None:
    cursor = ProducerCursor(1, "s", 0, ProducerWindow(8_000), LogQuota(0))
    cursor.push([log(number, 500) for number in range(1, 101)], 100)
    batch = cursor.next_batch()
    assert batch is not None
    assert 4_000 < batch.ByteSize() <= 8_000
    cursor.window.acked("s", batch.through)
    assert cursor.next_batch() is not None
    assert ProducerWindow(0).batch_bytes == BATCH_BYTES


def test_a_batch_without_events_moves_the_position_over_what_is_filtered_out() -> None:
    cursor = ProducerCursor(1, "s", 4, ProducerWindow(), LogQuota(0))
    assert cursor.empty_batch() is None
    cursor.push([], 9)
    empty = cursor.empty_batch()
    assert empty is not None
    assert (empty.after, empty.through, len(empty.events)) == (4, 9, 0)
    assert cursor.empty_batch() is None


def test_records_are_taken_once_even_while_they_are_on_their_way_into_the_store() -> None:
    inbox = RecordInbox()
    assert [inbox.take(number) for number in (1, 2, 5, 5, 3)] == [True, True, True, False, False]
    assert inbox.kept == 0
    assert inbox.keep(5) == 5
    assert inbox.keep(2) == 5
    assert not inbox.take(5)
    assert inbox.take(6)


@dataclass
class Wire:
    """A producer and a consumer with a line between them that cuts, drops and doubles."""

    wanted: attach_pb2.EventFilter
    store: list[event_pb2.Event] = field(default_factory=list[event_pb2.Event])
    consumer: ConsumerCursor = field(default_factory=ConsumerCursor)
    got: list[int] = field(default_factory=list[int])
    line: deque[attach_pb2.Batch] = field(default_factory=deque[attach_pb2.Batch])

    def __post_init__(self) -> None:
        self.subscribe()

    def subscribe(self) -> None:
        """What both sides do after a cut or a gap."""
        self.line.clear()
        self.window = ProducerWindow()
        quota = LogQuota(self.wanted.logs_per_attempt)
        after = self.consumer.position("s")
        before = quota_filter(self.wanted)
        for event in self.store[:after]:
            if matches(before, event):
                quota.admit(event)
        self.producer = ProducerCursor(1, "s", after, self.window, quota)

    def write(self, event: event_pb2.Event) -> None:
        stored = event_pb2.Event()
        stored.CopyFrom(event)
        stored.seq = len(self.store) + 1
        self.store.append(stored)

    def produce(self, limit: int) -> None:
        at = self.producer.read_through
        plain = without_quota(self.wanted)
        if self.producer.wants_more and at < len(self.store):
            piece = self.store[at : at + limit]
            self.producer.push([e for e in piece if matches(plain, e)], piece[-1].seq)
        sent = self.producer.next_batch() or self.producer.empty_batch()
        if sent is not None:
            assert len(sent.events) <= 1 or sent.ByteSize() <= BATCH_BYTES
            self.line.append(sent)
        assert sum(b.ByteSize() for b in self.line if len(b.events) > 1) <= WINDOW_BYTES + 512 * len(
            self.line
        )

    def consume(self) -> None:
        if not self.line:
            return
        got = self.consumer.accept(self.line.popleft())
        if isinstance(got, Gap):
            self.subscribe()
        else:
            if got is not None:
                self.got.extend(event.seq for event in got.events)
            self.window.acked("s", self.consumer.position("s"))

    def drop(self) -> None:
        if self.line:
            self.line.popleft()

    def double(self) -> None:
        if self.line:
            self.line.appendleft(self.line[0])

    def selected(self) -> list[int]:
        """The slow way to say what should arrive."""
        seen: dict[str, int] = {}
        out: list[int] = []
        for event in self.store:
            if not matches(self.wanted, event):
                continue
            if event.WhichOneof("payload") == "log" and self.wanted.logs_per_attempt:
                seen[event.path] = seen.get(event.path, 0) + 1
                if seen[event.path] > self.wanted.logs_per_attempt:
                    continue
            elif event.WhichOneof("payload") == "attempt_finished":
                seen.pop(event.path, None)
            out.append(event.seq)
        return out


_events = st.builds(
    log,
    size=st.sampled_from([1, 100, 90_000, 300_000]),
    severity=st.integers(2, 4),
    path=st.sampled_from(["a", "a/b", "c"]),
) | st.builds(finished, st.sampled_from(["a", "a/b", "c"]))
_steps = st.lists(
    st.tuples(st.just("write"), _events)
    | st.tuples(st.just("produce"), st.integers(1, 5))
    | st.tuples(st.sampled_from(["consume", "consume", "drop", "double", "subscribe"]), st.none()),
    max_size=60,
)
_filters = st.builds(
    attach_pb2.EventFilter,
    kinds=st.sampled_from([[], [attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED]]),
    severity=st.integers(0, 4),
    prefix=st.sampled_from(["", "a"]),
    logs_per_attempt=st.sampled_from([0, 2]),
)


@examples(150)
@given(_filters, _steps)
def test_every_selected_event_arrives_once_and_in_order(
    wanted: attach_pb2.EventFilter, steps: list[tuple[str, object]]
) -> None:
    wire = Wire(wanted)
    for name, argument in steps:
        if argument is None:
            getattr(wire, name)()
        else:
            getattr(wire, name)(argument)
        assert wire.got == wire.selected()[: len(wire.got)]
    # A batch that was lost at the very end shows only at the next one or at the next cut.
    wire.subscribe()
    while wire.consumer.position("s") < len(wire.store):
        wire.produce(3)
        wire.consume()
    assert wire.got == wire.selected()
