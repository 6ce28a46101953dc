"""With `starts`, the time of the timeout begins at the first line that matches."""

from gator.core.attempt.actions import Action, Signal
from gator.core.attempt.machine import Wrapper
from gator.core.attempt.state import State
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2
from tests.unit.core.attempt.machine_support import (
    ERR,
    OFFSET,
    OUT,
    SECOND,
    end_of,
    events_of,
    finish,
    left,
)

SETTINGS = spec_pb2.Settings(starts=spec_pb2.Starts(match="^ready"), timeout_millis=10_000)


def started() -> tuple[Wrapper, list[Action]]:
    node = attach_pb2.LaunchNode(path="top/x", attempt=1, job=spec_pb2.Job(command="x", settings=SETTINGS))
    wrapper = Wrapper(node, OFFSET, 0)
    return wrapper, wrapper.on_spawned(0, event_pb2.Started(pid=7))


def progress_in(actions: list[Action]) -> list[tuple[bool, str]]:
    events = [event.progress for event in events_of(actions) if event.HasField("progress")]
    return [(each.starting, each.text) for each in events]


def write(wrapper: Wrapper, now: int, text: bytes) -> list[Action]:
    return wrapper.on_output(now, ERR, text) + wrapper.on_time(now + SECOND)


def test_an_attempt_is_starting_and_has_no_deadline_until_the_line() -> None:
    wrapper, actions = started()
    assert progress_in(actions) == [(True, "")]
    assert wrapper.wake_at is None
    assert progress_in(write(wrapper, 100 * SECOND, b"not ready\n")) == []
    assert wrapper.wake_at is None
    assert progress_in(write(wrapper, 200 * SECOND, b"ready to go\n")) == [(False, "")]
    assert wrapper.wake_at == 211 * SECOND
    assert progress_in(write(wrapper, 201 * SECOND, b"ready again\n")) == []
    assert wrapper.wake_at == 211 * SECOND
    assert Signal(15) in wrapper.on_time(211 * SECOND)
    assert wrapper.state is State.ENDING
    end = end_of(finish(wrapper, 212 * SECOND, left(None, 15)))
    assert end.reason == common_pb2.REASON_TIMEOUT


def test_progress_before_the_line_says_that_the_attempt_is_starting() -> None:
    wrapper, _ = started()
    assert progress_in(write(wrapper, 0, b"::gator progress::waits for a license\n")) == [
        (True, "waits for a license")
    ]
    assert progress_in(write(wrapper, 2 * SECOND, b"ready\n")) == [(False, "waits for a license")]
    assert progress_in(write(wrapper, 4 * SECOND, b"::gator progress::works\n")) == [(False, "works")]


def test_a_last_line_without_its_end_starts_the_attempt_as_well() -> None:
    wrapper, _ = started()
    wrapper.on_output(0, OUT, b"ready")
    actions = finish(wrapper, SECOND)
    assert progress_in(actions) == [(False, "")]
    assert end_of(actions).counts.warning == 0


def test_an_attempt_that_passes_without_the_line_gets_a_warning() -> None:
    for code in (0, 1):
        wrapper, _ = started()
        logs = [event.log.text for event in events_of(finish(wrapper, SECOND, left(code)))]
        assert any("no line of the pattern `starts: ^ready`" in text for text in logs) == (code == 0)
