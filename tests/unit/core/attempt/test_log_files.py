"""The files of `also_log` are read to their end before the verdict, for a bounded time."""

from gator.core.attempt.actions import Action, LeftoverCheck, ReadLogFiles
from gator.core.attempt.machine import Wrapper
from gator.core.attempt.state import LOG_FILES_NANOS, State
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2
from tests.unit.core.attempt.machine_support import (
    ERR,
    OUT,
    SECOND,
    end_of,
    events_of,
    left,
    running,
    stop_in,
)

SETTINGS = spec_pb2.Settings(also_log=spec_pb2.AlsoLog(files=["sim.log", "b.log"]))


def swept(wrapper: Wrapper, now: int) -> list[Action]:
    wrapper.on_eof(now, OUT)
    wrapper.on_eof(now, ERR)
    # The files have no end, so nothing waits for one.
    assert wrapper.on_exited(now, left()) == [LeftoverCheck()]
    return wrapper.on_left_over(now, [])


def test_the_rest_of_the_files_is_read_before_the_verdict() -> None:
    wrapper = running(SETTINGS)
    assert swept(wrapper, SECOND) == [ReadLogFiles()]
    assert wrapper.on_log_data(2 * SECOND, 1, b"FATAL: no\n") == []
    end = end_of(wrapper.on_log_files(3 * SECOND))
    assert [(each.stream, each.lines) for each in end.log_files.list] == [
        (common_pb2.STREAM_LOG1, 0),
        (common_pb2.STREAM_LOG2, 1),
    ]


def test_the_time_for_them_begins_again_with_all_that_was_read_and_is_bounded() -> None:
    wrapper = running(SETTINGS)
    swept(wrapper, SECOND)
    wrapper.on_log_data(20 * SECOND, 0, b"a\n")
    assert wrapper.wake_at is not None
    wrapper.on_time(SECOND + LOG_FILES_NANOS)
    assert wrapper.state is State.READING_LOGS
    actions = wrapper.on_time(20 * SECOND + LOG_FILES_NANOS)
    assert wrapper.state is State.FINISHED
    assert any("could not be read for 30s" in event.log.text for event in events_of(actions))
    assert wrapper.on_log_files(60 * SECOND) == []


def test_a_stop_at_once_leaves_their_rest_out() -> None:
    wrapper = running(SETTINGS)
    swept(wrapper, SECOND)
    end = end_of(wrapper.on_stop(2 * SECOND, stop_in(attach_pb2.STOP_MODE_NOW)))
    assert end.outcome == common_pb2.OUTCOME_PASSED


def test_the_last_words_of_a_failure_are_those_of_a_file_if_there_are_no_others() -> None:
    wrapper = running(SETTINGS)
    wrapper.on_log_data(0, 0, b"I give up\n")
    wrapper.on_eof(0, OUT)
    wrapper.on_eof(0, ERR)
    wrapper.on_exited(SECOND, left(1))
    wrapper.on_left_over(SECOND, [])
    end: event_pb2.AttemptFinished = end_of(wrapper.on_log_files(SECOND))
    assert (end.first_error.stream, end.first_error.text) == (common_pb2.STREAM_LOG1, "I give up")
