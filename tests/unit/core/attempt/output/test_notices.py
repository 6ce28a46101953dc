"""A notice of the client is found however its bytes are cut, and never counts against its job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.attempt.output.lines import LineCounter
from gator.core.attempt.output.notices import GATOR_LOGGER, MAX_NOTICES, notice_line
from gator.v1 import common_pb2, event_pb2
from tests.unit.core.attempt.machine_support import ERR, OUT, end_of, events_of, finish, running


def _warnings(reads: list[bytes], stream: common_pb2.Stream.ValueType = OUT) -> list[event_pb2.LogEvent]:
    """Returns the messages that an attempt records which writes this output."""
    wrapper = running()
    actions = [action for data in reads for action in wrapper.on_output(3, stream, data)]
    actions += finish(wrapper, 9)
    return [event.log for event in events_of(actions) if event.WhichOneof("payload") == "log"]


@given(st.text(max_size=2000))
def test_the_line_of_any_notice_is_blank(text: str) -> None:
    counter = LineCounter()
    assert counter.feed(notice_line(text)).messages == 0
    assert counter.lines == 1


@given(
    st.lists(
        st.sampled_from([b"plain\n", b"\x1b[31mred\x1b[0m\n", b"\x1b", b"\n", b"\x1b]7717;gat"]), max_size=6
    ),
    st.integers(1, 40),
)
def test_a_notice_is_found_wherever_a_read_ended(around: list[bytes], step: int) -> None:
    data = b"".join(around) + b"\n" + notice_line("one") + b"".join(around) + b"\n" + notice_line("two é")
    found = _warnings([data[at : at + step] for at in range(0, len(data), step)])
    assert [log.text for log in found] == ["one", "two é"]


def test_a_notice_without_its_line_end_is_found_at_the_end() -> None:
    assert [log.text for log in _warnings([notice_line("one").rstrip(b"\n")])] == ["one"]


def test_a_flood_of_notices_is_bounded() -> None:
    assert len(_warnings([notice_line("x") * 1000])) == MAX_NOTICES


@pytest.mark.parametrize("stream", [OUT, ERR])
def test_a_notice_is_a_warning_of_gator_and_leaves_the_verdict_alone(
    stream: common_pb2.Stream.ValueType,
) -> None:
    (log,) = _warnings([notice_line("2 messages were not recorded")], stream)
    assert (log.text, log.logger) == ("2 messages were not recorded", GATOR_LOGGER)
    assert log.severity == common_pb2.SEVERITY_WARNING
    wrapper = running()
    wrapper.on_output(3, stream, notice_line("2 messages were not recorded"))
    end = end_of(finish(wrapper, 9))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert (end.counts.warning, end.counts.error, end.counts.info) == (0, 0, 0)


def test_a_notice_that_comes_as_a_record_does_not_count_either() -> None:
    wrapper = running()
    log = event_pb2.LogEvent(severity=common_pb2.SEVERITY_CRITICAL, text="dropped", logger="anything")
    kept = [wrapper.on_client_event(5, event_pb2.Event(log=log), notice=True) for _ in range(100)]
    assert sum(bool(actions) for actions in kept) == MAX_NOTICES
    (event,) = events_of(kept[0])
    assert (event.log.severity, event.log.logger) == (common_pb2.SEVERITY_WARNING, GATOR_LOGGER)
    end = end_of(finish(wrapper, 9))
    assert end.counts == common_pb2.Counts()
    assert end.outcome == common_pb2.OUTCOME_PASSED
