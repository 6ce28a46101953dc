"""What a client holds is bounded, and what is dropped is counted."""

import threading
import time
from collections.abc import Callable

from gator.client.backlog import Backlog
from gator.v1 import common_pb2, event_pb2


def log(text: str) -> event_pb2.Event:
    event = event_pb2.Event()
    event.log.text = text
    return event


def taken(backlog: Backlog, count: int) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for _ in range(count):
        record = backlog.take()
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
    backlog.begin(0)
    assert taken(backlog, 3) == [(1, "a"), (2, "b"), (3, "c")]
    backlog.acked(1)
    backlog.begin(2)
    assert taken(backlog, 2) == [(3, "c"), (4, "d")]
    assert backlog.take() is None
    assert backlog.holds(4)
    backlog.acked(4)
    assert not backlog.holds(4)
    assert len(backlog) == 0


def test_a_wait_is_for_what_was_put_before_it() -> None:
    backlog = Backlog()
    backlog.put(log("a"))
    answers: list[bool] = []
    thread = in_thread(lambda: answers.append(backlog.wait_kept(60)))
    thread.join(0.05)
    assert thread.is_alive()
    # Another thread continues to send messages.
    backlog.put(log("b"))
    backlog.acked(1)
    thread.join(5)
    assert answers == [True]


def test_each_record_calls_the_one_who_sends() -> None:
    calls: list[int] = []
    backlog = Backlog(lambda: calls.append(len(backlog)))
    backlog.put(log("a"))
    backlog.put(log("b"))
    assert calls == [1, 2]


def test_one_that_cannot_wait_drops_the_oldest_at_once() -> None:
    backlog = Backlog(max_bytes=300)
    for text in "abc":
        backlog.put(log(text * 100), wait=False)
    backlog.begin(0)
    assert [text[0] for _, text in taken(backlog, 2)] == ["c", "u"]
    assert backlog.dropped == 2


def test_a_full_backlog_makes_its_caller_wait_for_an_ack() -> None:
    backlog = Backlog(max_bytes=300)
    backlog.put(log("a" * 100))
    taken(backlog, 1)
    thread = in_thread(lambda: backlog.put(log("b" * 200)))
    thread.join(0.05)
    assert thread.is_alive()
    backlog.acked(1)
    thread.join(5)
    assert not thread.is_alive()
    assert backlog.dropped == 0


def test_without_acks_the_oldest_are_dropped_and_the_next_ack_brings_a_warning() -> None:
    backlog = Backlog(max_bytes=1000, max_wait_seconds=0.05)
    began = time.monotonic()
    for number in range(1000):
        backlog.put(log(f"{number:100d}"))
    # Patience runs out once, not once for each message.
    assert time.monotonic() - began < 5
    assert len(backlog) < 10
    assert backlog.dropped == 1000 - len(backlog)
    backlog.begin(0)
    records = [backlog.take() for _ in range(len(backlog))]
    assert [record.number for record in records if record] == list(
        range(backlog.dropped + 1, backlog.dropped + 1 + len(records))
    )
    last = records[-1]
    assert last is not None
    assert last.notice
    assert last.event.log.severity == common_pb2.SEVERITY_WARNING
    assert last.event.log.text.startswith(f"up to {backlog.dropped} messages were dropped")


def test_an_event_above_the_limit_is_dropped_and_counted() -> None:
    backlog = Backlog(max_bytes=300)
    backlog.put(log("a" * 300))
    backlog.put(log("b"))
    backlog.begin(0)
    assert [text[:6] for _, text in taken(backlog, 2)] == ["b", "up to "]
    assert backlog.dropped == 1


def test_a_backlog_that_is_shut_takes_nothing_and_lets_everybody_go() -> None:
    backlog = Backlog(max_bytes=200)
    backlog.put(log("a" * 90))
    waiting = [
        in_thread(lambda: backlog.put(log("b" * 90))),
        in_thread(lambda: backlog.wait_kept(60)),
    ]
    backlog.shut()
    for thread in waiting:
        thread.join(5)
        assert not thread.is_alive()
    assert not backlog.wait_kept(0)
