"""What a client holds is bounded, and what is dropped is counted."""

import threading
import time
from collections.abc import Callable

from gator.client_backlog import Backlog
from gator.v1 import common_pb2, event_pb2


def log(text: str) -> event_pb2.Event:
    event = event_pb2.Event()
    event.log.text = text
    return event


def taken(backlog: Backlog, stream: int, count: int) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for _ in range(count):
        record = backlog.take(stream)
        assert record is not None
        found.append((record.number, record.event.log.text))
    return found


def in_thread(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def test_a_new_stream_begins_after_what_is_kept() -> None:
    backlog = Backlog()
    for text in "abcd":
        backlog.put(log(text))
    first = backlog.begin(0)
    assert taken(backlog, first, 3) == [(1, "a"), (2, "b"), (3, "c")]
    backlog.acked(1)
    second = backlog.begin(2)
    assert backlog.take(first) is None
    assert taken(backlog, second, 2) == [(3, "c"), (4, "d")]
    backlog.acked(4)
    assert backlog.is_empty


def test_what_waits_on_a_stream_is_woken_when_it_ends() -> None:
    backlog = Backlog()
    stream = backlog.begin(0)
    thread = in_thread(lambda: backlog.take(stream))
    backlog.end_stream()
    thread.join(5)
    assert not thread.is_alive()


def test_a_full_backlog_makes_its_caller_wait_for_an_ack() -> None:
    backlog = Backlog(max_bytes=300)
    backlog.put(log("a" * 100))
    taken(backlog, backlog.begin(0), 1)
    thread = in_thread(lambda: backlog.put(log("b" * 200)))
    thread.join(0.05)
    assert thread.is_alive()
    backlog.acked(1)
    thread.join(5)
    assert not thread.is_alive()
    assert backlog.dropped == 0


def test_without_acks_the_oldest_are_dropped_and_the_next_ack_brings_a_warning() -> None:
    backlog = Backlog(max_bytes=1000, patience_seconds=0.05)
    began = time.monotonic()
    for number in range(1000):
        backlog.put(log(f"{number:100d}"))
    # Patience runs out once, not once for each message.
    assert time.monotonic() - began < 5
    assert len(backlog) < 10
    assert backlog.dropped == 1000 - len(backlog)
    stream = backlog.begin(0)
    records = [backlog.take(stream) for _ in range(len(backlog))]
    assert [record.number for record in records if record] == list(
        range(backlog.dropped + 1, backlog.dropped + 1 + len(records))
    )
    last = records[-1]
    assert last is not None
    assert last.event.log.severity == common_pb2.SEVERITY_WARNING
    assert last.event.log.text.startswith(f"up to {backlog.dropped} messages were dropped")


def test_an_event_above_the_limit_is_dropped_and_counted() -> None:
    backlog = Backlog(max_bytes=300)
    backlog.put(log("a" * 300))
    backlog.put(log("b"))
    stream = backlog.begin(0)
    assert [text[:6] for _, text in taken(backlog, stream, 2)] == ["b", "up to "]
    assert backlog.dropped == 1


def test_a_backlog_that_is_shut_takes_nothing_and_lets_everybody_go() -> None:
    backlog = Backlog(max_bytes=200)
    backlog.put(log("a" * 90))
    waiting = [
        in_thread(lambda: backlog.put(log("b" * 90))),
        in_thread(lambda: backlog.wait_empty(60)),
    ]
    backlog.shut()
    for thread in waiting:
        thread.join(5)
        assert not thread.is_alive()
    assert not backlog.wait_empty(0)
