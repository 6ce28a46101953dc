"""What a child sends first, what it gathers, and what it leaves out."""

import pytest

from gator.link import producer
from gator.link.producer import BATCH_SECONDS, TICK_SECONDS, Producer
from gator.v1 import attach_pb2, event_pb2
from tests.component.link.fakes import MemoryStore, log


def make(store: MemoryStore, **wanted: object) -> Producer:
    made = Producer(attach_pb2.ROLE_WRAPPERS, lambda: None)
    made.add_store("s1", store)
    made.subscribe(attach_pb2.Subscribe(subscription=1, filter=attach_pb2.EventFilter(**wanted)))  # type: ignore[arg-type]
    return made


def drive(made: Producer, now: float) -> list[attach_pb2.AttachRequest]:
    """Everything that goes at a moment."""
    sent: list[attach_pb2.AttachRequest] = []
    while True:
        request = made.next_message(now)
        if request is not None:
            sent.append(request)
        elif not made.read_some(now):
            return sent


def names(requests: list[attach_pb2.AttachRequest]) -> list[str | None]:
    return [request.WhichOneof("message") for request in requests]


def test_control_goes_before_events() -> None:
    store = MemoryStore()
    store.append(log())
    made = make(store)
    assert made.next_message(1.0) is not None or made.read_some(1.0)
    made.send(attach_pb2.AttachRequest(recalled=attach_pb2.Recalled()))
    store.append(log())
    found = names(drive(made, 2.0))
    assert found[0] == "recalled"
    assert "batch" in found


def test_the_first_event_goes_at_once_and_those_soon_after_go_together() -> None:
    store = MemoryStore()
    made = make(store, kinds=[attach_pb2.EVENT_KIND_LOG])
    drive(made, 1.0)
    store.append(log())
    assert names(drive(made, 1.001)) == ["batch"]
    for _ in range(20):
        store.append(log())
        assert drive(made, 1.002) == []
    wait = made.seconds_to_wait(1.002)
    assert wait is not None
    assert wait == pytest.approx(BATCH_SECONDS - 0.001)
    (sent,) = drive(made, 1.002 + wait)
    assert len(sent.batch.events) == 20
    drive(made, 2.0)
    assert made.seconds_to_wait(2.0) is None


def test_many_events_do_not_wait_for_more() -> None:
    store = MemoryStore()
    made = make(store, kinds=[attach_pb2.EVENT_KIND_LOG])
    drive(made, 1.0)
    store.append(log())
    drive(made, 1.001)
    store.append(*(log() for _ in range(2000)))
    sent = drive(made, 1.002)
    assert sum(len(request.batch.events) for request in sent) >= 1900


def test_without_credit_nothing_is_read_and_nothing_waits_for_a_time() -> None:
    store = MemoryStore()
    store.append(*(log("x" * 100_000) for _ in range(30)))
    made = make(store)
    drive(made, 1.0)
    reads = store.reads
    drive(made, 2.0)
    assert store.reads == reads
    # A tip says how far the store has come; after that only an ack can change anything.
    assert made.seconds_to_wait(3.0) is None
    made.ack(attach_pb2.Ack(subscription=1, position=attach_pb2.StorePosition(store="s1", seq=30)))
    assert made.seconds_to_wait(3.0) is not None
    assert not made.is_drained


def test_places_that_are_filtered_out_move_the_position_five_times_a_second() -> None:
    store = MemoryStore()
    made = make(store, kinds=[attach_pb2.EVENT_KIND_RESULT])
    drive(made, 1.0)
    found: list[attach_pb2.AttachRequest] = []
    for step in range(100):
        store.append(log())
        found += drive(made, 1.0 + step * TICK_SECONDS / 50)
    batches = [request.batch for request in found if request.WhichOneof("message") == "batch"]
    assert 1 <= len(batches) <= 3
    assert all(not batch.events for batch in batches)
    made.draining = True
    found = drive(made, 1.0 + 99 * TICK_SECONDS / 50)
    assert found[-1].batch.through == store.committed


def test_a_store_that_nobody_subscribed_to_sends_tips() -> None:
    made = Producer(attach_pb2.ROLE_WRAPPERS, lambda: None)
    store = MemoryStore()
    made.add_store("s1", store)
    store.append(log(), log())
    (sent,) = drive(made, 1.0)
    assert (sent.tip.position.store, sent.tip.position.seq) == ("s1", 2)
    assert made.is_drained


def test_the_first_messages_of_an_attempt_are_the_same_after_a_new_subscription() -> None:
    store = MemoryStore()
    store.append(*(log(str(n)) for n in range(1, 31)))
    made = make(store, logs_per_attempt=20)
    sent = drive(made, 1.0)
    assert sum(len(request.batch.events) for request in sent) == 20
    request = attach_pb2.Subscribe(subscription=1, filter=attach_pb2.EventFilter(logs_per_attempt=20))
    request.positions.add(store="s1", seq=15)
    made.subscribe(request)
    store.append(log("31"))
    made.draining = True
    batches = [request.batch for request in drive(made, 2.0)]
    assert [event.seq for batch in batches for event in batch.events] == list(range(16, 21))
    assert batches[-1].through == 31


def test_a_store_that_comes_later_is_served_too() -> None:
    made = make(MemoryStore())
    later = MemoryStore()
    later.append(log())
    made.add_store("s2", later)
    batches = [r.batch for r in drive(made, 1.0) if r.WhichOneof("message") == "batch"]
    assert [(batch.store, len(batch.events)) for batch in batches] == [("s2", 1)]


def test_where_blocks_may_come_few_events_are_read_at_a_time() -> None:
    class Watched(MemoryStore):
        limits: list[int]

        def read(
            self, after: int, wanted: attach_pb2.EventFilter, limit: int, /
        ) -> tuple[list[event_pb2.Event], int]:
            self.limits.append(limit)
            found, through = super().read(after, wanted, limit)
            return list(found), through

    store = Watched()
    store.limits = []
    store.append(*(log() for _ in range(500)))
    drive(make(store), 1.0)
    assert store.limits[:4] == [producer.READ_BLOCKS, 16, 32, 64]
    assert max(store.limits) == 64
