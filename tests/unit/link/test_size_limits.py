"""An event that is too large for a hub is shortened."""

from collections.abc import Callable

import pytest

from gator.link.size_limits import MAX_ENTRIES, MAX_EVENT_BYTES, entries_of, shortened
from gator.v1 import event_pb2

MUCH = 3 * MAX_EVENT_BYTES


def event() -> event_pb2.Event:
    return event_pb2.Event(seq=7, path="top/job", attempt=2, time_unix_nanos=5)


def test_an_event_of_any_usual_size_is_left_as_it_is() -> None:
    one = event()
    one.log.text = "x" * (MAX_EVENT_BYTES - 100)
    assert shortened(one) is one


def large_log(one: event_pb2.Event) -> None:
    one.log.text = "é" * MUCH
    one.log.raw = b"\xff" * MUCH
    one.log.fields.update({f"{number:04}": "x" * 10_000 for number in range(500)})


def large_started(one: event_pb2.Event) -> None:
    one.started.argv.extend(["tool", *("x" * 100_000 for _ in range(50))])


def large_result(one: event_pb2.Event) -> None:
    one.result.message = "x" * MUCH
    one.result.first_error.text = "x" * MUCH
    for number in range(1000):
        one.result.metrics.add(name=f"{number:04}" + "x" * 5_000)


def large_declared(one: event_pb2.Event) -> None:
    one.declared.tags.extend("x" * 1000 for _ in range(5000))
    one.declared.demand.licenses.update({f"{number:04}" + "x" * 1000: 1 for number in range(3000)})


@pytest.mark.parametrize("make", [large_log, large_started, large_result, large_declared])
def test_one_that_is_too_large_keeps_what_has_room(make: Callable[[event_pb2.Event], None]) -> None:
    one = event()
    make(one)
    before = one.SerializeToString()
    short = shortened(one)
    assert short.ByteSize() <= MAX_EVENT_BYTES
    assert (short.seq, short.path, short.attempt, short.time_unix_nanos) == (7, "top/job", 2, 5)
    assert short.WhichOneof("payload") == one.WhichOneof("payload")
    assert one.SerializeToString() == before


def test_it_says_what_is_left_out() -> None:
    one = event()
    large_log(one)
    log = shortened(one).log
    assert log.text.startswith("éé")
    assert log.text.endswith("bytes are left out; the run's own folder has them)")
    assert not log.raw
    assert log.fields["0000"] == "x" * 10_000
    one = event()
    large_started(one)
    argv = shortened(one).started.argv
    assert (argv[0], argv[-1], len(argv)) == ("tool", "…", 4)


@pytest.mark.parametrize("entries", [MAX_ENTRIES, 20 * MAX_ENTRIES])
def test_one_with_too_long_lists_keeps_their_beginning(entries: int) -> None:
    one = event()
    one.started.argv.extend(["tool", *("x" for _ in range(entries - 1))])
    two = event()
    two.declared.tags.extend("x" for _ in range(entries // 2))
    two.declared.demand.licenses.update({f"{number:06}": 1 for number in range(entries // 2)})
    for long in (one, two):
        short = shortened(long)
        assert (short is long) == (entries <= MAX_ENTRIES)
        assert MAX_ENTRIES // 2 <= entries_of(short, 10**9) <= MAX_ENTRIES
    assert shortened(one).started.argv[0] == "tool"
    assert shortened(one).started.argv[-1] == ("x" if entries <= MAX_ENTRIES else "…")
