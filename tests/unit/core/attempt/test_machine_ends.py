"""One attempt as a state machine: every end it can come to, with time as an argument."""

import signal

from gator.core.attempt.actions import Action, LeftoverCheck, Signal, Spawn
from gator.core.attempt.machine import Wrapper
from gator.core.attempt.state import DEFAULT_GRACE_NANOS, DRAIN_NANOS, SPAWN_NANOS, UNKILLABLE_NANOS, State
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2
from tests.unit.core.attempt.machine_support import (
    ERR,
    OFFSET,
    OUT,
    SECOND,
    end_of,
    events_of,
    finish,
    kinds_of,
    left,
    made,
    running,
    stop_in,
)


def test_an_end_waits_for_the_pipes_but_not_for_ever() -> None:
    wrapper = running()
    wrapper.on_eof(10, ERR)
    assert wrapper.on_exited(10, left()) == []
    assert wrapper.wake_at == 10 + DRAIN_NANOS
    assert wrapper.on_eof(20, OUT) == [LeftoverCheck()]
    wrapper = running()
    wrapper.on_exited(10, left())
    assert wrapper.on_time(10 + DRAIN_NANOS) == [LeftoverCheck()]
    assert end_of(wrapper.on_left_over(10 + DRAIN_NANOS, [])).outcome == common_pb2.OUTCOME_PASSED


def test_what_is_left_gets_term_then_kill_and_one_warning() -> None:
    wrapper = running()
    wrapper.on_eof(0, OUT)
    wrapper.on_eof(0, ERR)
    now = 10
    assert wrapper.on_exited(now, left()) == [LeftoverCheck()]
    actions = wrapper.on_left_over(now, ["sleep (12)"])
    assert actions[-1] == Signal(signal.SIGTERM)
    (warning,) = events_of(actions)
    assert warning.log.logger == "gator"
    assert "sleep (12)" in warning.log.text
    signals, now = _look_until(wrapper, State.KILLING_REST, ["sleep (12)"])
    assert signals == [Signal(signal.SIGKILL)]
    assert now >= 10 + DEFAULT_GRACE_NANOS
    end = end_of(wrapper.on_left_over(now, []))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert end.counts.warning == 0


def _look_until(wrapper: Wrapper, state: State, left: list[str]) -> tuple[list[Action], int]:
    """Answer each look with `left` until the state is reached; the answer to the last one, and when."""
    for _ in range(1000):
        now = wrapper.wake_at
        assert now is not None
        assert wrapper.on_time(now) == [LeftoverCheck()]
        actions = wrapper.on_left_over(now, left)
        if wrapper.state is state:
            return actions, now
    raise AssertionError(f"never {state}")


def test_what_cannot_be_killed_is_named_and_given_up() -> None:
    wrapper = running()
    wrapper.on_exited(10, left(2))
    wrapper.on_time(10 + DRAIN_NANOS)
    wrapper.on_left_over(10 + DRAIN_NANOS, ["dd (9)"])
    _, killed = _look_until(wrapper, State.KILLING_REST, ["dd (9)"])
    actions, now = _look_until(wrapper, State.FINISHED, ["dd (9)"])
    assert now >= killed + UNKILLABLE_NANOS
    assert end_of(actions).message == "exited with code 2; could not be killed within 5s: dd (9)"


def test_a_timeout_ends_with_term_then_kill() -> None:
    wrapper = running(spec_pb2.Settings(timeout_millis=2_000, grace_millis=1_000))
    assert wrapper.wake_at == 2 * SECOND
    assert wrapper.on_time(2 * SECOND) == [Signal(signal.SIGTERM)]
    assert wrapper.on_time(3 * SECOND) == [Signal(signal.SIGKILL)]
    end = end_of(finish(wrapper, 3 * SECOND + 1, left(None, 9)))
    assert end.reason == common_pb2.REASON_TIMEOUT
    assert end.message.startswith("ran longer than its timeout of 2s")


def timed_out(before: bytes, after: bytes) -> event_pb2.AttemptFinished:
    """Returns the end of an attempt that prints text before its timeout, and after SIGTERM."""
    wrapper = running(spec_pb2.Settings(timeout_millis=2_000))
    if before:
        wrapper.on_output(SECOND, OUT, before)
    wrapper.on_time(2 * SECOND)
    wrapper.on_output(2 * SECOND + 5, ERR, after)
    return end_of(finish(wrapper, 3 * SECOND, left(2)))


def test_what_is_printed_after_term_explains_no_timeout() -> None:
    made = [
        timed_out(b"waiting for licence server lic1\n", b"make: *** [Makefile:2: test] Terminated\n"),
        timed_out(b"waiting for licence server lic1\n", b"make: *** wait: No child processes.  Stop.\n"),
        timed_out(b"waiting for licence server lic1", b"error: interrupted by TERM\n"),
    ]
    assert {end.first_error.text for end in made} == {"waiting for licence server lic1"}
    assert {end.first_error.line for end in made} == {1}
    assert len({end.signature for end in made}) == 1
    other = timed_out(b"credit lost on channel\n", b"make: *** [Makefile:2: test] Terminated\n")
    assert other.signature != made[0].signature
    assert not timed_out(b"", b"error: interrupted by TERM\n").HasField("first_error")


def test_an_error_before_the_timeout_explains_it() -> None:
    end = timed_out(b"ERROR: no clock\nwaiting\n", b"error: interrupted by TERM\n")
    assert end.first_error.text == "ERROR: no clock"


def test_a_timeout_counts_even_if_the_job_then_returns_0() -> None:
    wrapper = running(spec_pb2.Settings(timeout_millis=2_000))
    wrapper.on_time(2 * SECOND)
    assert end_of(finish(wrapper, 2 * SECOND + 1)).reason == common_pb2.REASON_TIMEOUT


def test_a_timeout_of_0_is_none() -> None:
    assert running(spec_pb2.Settings(timeout_millis=0)).wake_at is None


def test_no_grace_means_kill_at_once() -> None:
    wrapper = running(spec_pb2.Settings(timeout_millis=2_000, grace_millis=0))
    assert wrapper.on_time(2 * SECOND) == [Signal(signal.SIGKILL)]


def test_a_stop_ends_gracefully_and_a_second_one_at_once() -> None:
    wrapper = running()
    assert wrapper.on_stop(10, stop_in()) == [Signal(signal.SIGTERM)]
    assert wrapper.on_stop(11, stop_in()) == []
    assert wrapper.on_stop(12, stop_in(attach_pb2.STOP_MODE_NOW)) == [Signal(signal.SIGKILL)]
    assert wrapper.on_stop(13, stop_in(attach_pb2.STOP_MODE_NOW)) == []
    end = end_of(finish(wrapper, 14, left(None, 9)))
    assert (end.outcome, end.message, end.signal) == (common_pb2.OUTCOME_CANCELLED, "by you", 9)


def test_a_stop_before_the_start_ends_without_one() -> None:
    wrapper = made()
    actions = wrapper.on_stop(10, stop_in())
    assert kinds_of(actions) == ["attempt_finished"]
    assert end_of(actions).outcome == common_pb2.OUTCOME_CANCELLED


def test_a_stop_after_the_exit_leaves_the_verdict_alone() -> None:
    wrapper = running()
    wrapper.on_exited(10, left())
    assert wrapper.on_stop(11, stop_in()) == []
    wrapper.on_time(10 + DRAIN_NANOS)
    wrapper.on_left_over(20, ["sleep (12)"])
    assert wrapper.on_stop(21, stop_in(attach_pb2.STOP_MODE_NOW)) == [Signal(signal.SIGKILL)]
    assert end_of(wrapper.on_left_over(22, [])).outcome == common_pb2.OUTCOME_PASSED
    wrapper = running()
    wrapper.on_exited(10, left())
    assert wrapper.on_stop(11, stop_in(attach_pb2.STOP_MODE_NOW)) == [LeftoverCheck()]
    assert wrapper.on_left_over(12, ["sleep (12)"]) == [Signal(signal.SIGKILL)]
    assert end_of(wrapper.on_left_over(13, [])).outcome == common_pb2.OUTCOME_PASSED


def test_what_was_told_to_end_with_its_leader_keeps_the_rest_of_its_grace() -> None:
    wrapper = running(spec_pb2.Settings(grace_millis=10_000))
    wrapper.on_eof(0, OUT)
    wrapper.on_eof(0, ERR)
    assert wrapper.on_stop(0, stop_in()) == [Signal(signal.SIGTERM)]
    assert wrapper.on_exited(SECOND, left(None, 15)) == [LeftoverCheck()]
    assert wrapper.on_left_over(SECOND, ["sim (12)"]) == []
    signals, now = _look_until(wrapper, State.KILLING_REST, ["sim (12)"])
    assert signals == [Signal(signal.SIGKILL)]
    assert 10 * SECOND <= now < 11 * SECOND
    assert end_of(wrapper.on_left_over(now, [])).outcome == common_pb2.OUTCOME_CANCELLED


def test_what_was_killed_with_its_leader_is_killed_again() -> None:
    wrapper = running()
    wrapper.on_eof(0, OUT)
    wrapper.on_eof(0, ERR)
    wrapper.on_stop(0, stop_in(attach_pb2.STOP_MODE_NOW))
    wrapper.on_exited(1, left(None, 9))
    assert wrapper.on_left_over(2, ["sim (12)"]) == [Signal(signal.SIGKILL)]


def test_an_unkillable_leader_does_not_hang_the_attempt() -> None:
    wrapper = running()
    wrapper.on_stop(0, stop_in(attach_pb2.STOP_MODE_NOW))
    end = end_of(wrapper.on_time(UNKILLABLE_NANOS))
    assert end.outcome == common_pb2.OUTCOME_CANCELLED
    assert "could not be killed within 5s" in end.message
    assert wrapper.on_exited(UNKILLABLE_NANOS + 1, left()) == []


def test_a_command_that_cannot_start_fails_at_once() -> None:
    end = end_of(made().on_spawn_failed(5, "no such program: x", transient=False))
    assert (end.outcome, end.reason) == (common_pb2.OUTCOME_FAILED, common_pb2.REASON_NOT_STARTED)
    assert end.message == "no such program: x"
    assert not end.HasField("exit_code")


def test_want_of_resources_is_tried_again_and_lost_after_30_seconds() -> None:
    wrapper = made()
    now = 0
    actions: list[Action] = []
    for _ in range(1000):
        actions = wrapper.on_spawn_failed(now, "no pids", transient=True)
        if actions:
            break
        assert wrapper.wake_at is not None
        now = wrapper.wake_at
        assert wrapper.on_time(now) == [Spawn()]
    assert SPAWN_NANOS <= now < SPAWN_NANOS + 3 * SECOND
    end = end_of(actions)
    assert end.outcome == common_pb2.OUTCOME_LOST
    assert "no pids" in end.message


def test_what_other_attempts_will_give_back_is_waited_for() -> None:
    wrapper = made()
    for n in range(10):
        now = n * SPAWN_NANOS
        assert wrapper.on_spawn_failed(now, "no descriptors", transient=True, patient=True) == []
        assert wrapper.wake_at is not None
        assert now < wrapper.wake_at < now + SECOND
    assert wrapper.state is State.STARTING


def test_a_fault_of_gator_loses_the_attempt_and_leaves_nothing_running() -> None:
    end = end_of(made().on_fault(5, "a fault"))
    assert (end.outcome, end.message) == (common_pb2.OUTCOME_LOST, "a fault")
    wrapper = running()
    assert wrapper.on_fault(5, "a fault") == [Signal(signal.SIGKILL)]
    assert end_of(finish(wrapper, 7, left(None, 9))).outcome == common_pb2.OUTCOME_LOST


def test_a_timeout_and_a_grace_do_not_count_a_time_in_which_the_host_stood_still() -> None:
    wrapper = running(spec_pb2.Settings(timeout_millis=4_000, grace_millis=2_000))
    wrapper.on_late_wake(7 * SECOND)
    assert wrapper.on_time(4 * SECOND) == []
    assert wrapper.wake_at == 11 * SECOND
    assert wrapper.on_time(11 * SECOND) == [Signal(signal.SIGTERM)]
    wrapper.on_late_wake(5 * SECOND)
    assert wrapper.on_time(13 * SECOND) == []
    assert wrapper.on_time(18 * SECOND) == [Signal(signal.SIGKILL)]
    wrapper.on_late_wake(6 * SECOND)
    assert wrapper.on_time(18 * SECOND + UNKILLABLE_NANOS) == []


def test_times_within_an_attempt_follow_a_suspended_host_and_never_go_back() -> None:
    wrapper = running()
    wall = SECOND + OFFSET + 3600 * SECOND
    wrapper.follow_wall_clock(SECOND, wall)
    (event,) = events_of(wrapper.warn(SECOND, "late"))
    assert event.time_unix_nanos == wall
    wrapper.follow_wall_clock(2 * SECOND, wall - 7200 * SECOND)
    (event,) = events_of(wrapper.warn(2 * SECOND, "later"))
    assert event.time_unix_nanos == wall + SECOND
