"""One attempt as a state machine: every end it can come to, with time as an argument."""

import signal
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from gator.core.wrapper import (
    DEFAULT_GRACE_NANOS,
    DRAIN_NANOS,
    SPAWN_NANOS,
    UNKILLABLE_NANOS,
    State,
    Wrapper,
)
from gator.core.wrapper_actions import Action, Exit, Finished, Look, Record, Signal, Spawn
from gator.core.wrapper_events import MOST_LOGS
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2

SECOND = 1_000_000_000
OUT = common_pb2.STREAM_STDOUT
ERR = common_pb2.STREAM_STDERR
OFFSET = 1_000_000 * SECOND


def _wrapper(
    settings: spec_pb2.Settings | None = None,
    resources: spec_pb2.Resources | None = None,
    log_cap: int = 0,
    cores: int = 1,
) -> Wrapper:
    job = spec_pb2.Job(command="x", settings=settings, resources=resources)
    return Wrapper(attach_pb2.LaunchNode(path="top/x", attempt=1, cores=cores, job=job), OFFSET, log_cap)


def _running(
    settings: spec_pb2.Settings | None = None,
    resources: spec_pb2.Resources | None = None,
    log_cap: int = 0,
) -> Wrapper:
    wrapper = _wrapper(settings, resources, log_cap)
    wrapper.on_spawned(0, event_pb2.Started(pid=7))
    return wrapper


def _exit(code: int | None = 0, number: int | None = None) -> Exit:
    return Exit(code, number, user_nanos=3, system_nanos=4, peak_memory=0)


def _events(actions: Iterable[Action]) -> list[event_pb2.Event]:
    return [event for action in actions if isinstance(action, Record | Finished) for event in action.events]


def _kinds(actions: Iterable[Action]) -> list[str | None]:
    return [event.WhichOneof("payload") for event in _events(actions)]


def _finish(wrapper: Wrapper, now: int, ended: Exit | None = None) -> list[Action]:
    actions = wrapper.on_eof(now, OUT) + wrapper.on_eof(now, ERR)
    actions += wrapper.on_exited(now, ended or _exit())
    assert isinstance(actions[-1], Look)
    return actions[:-1] + wrapper.on_left_over(now, [])


def _end(actions: Iterable[Action]) -> event_pb2.AttemptFinished:
    (finished,) = [action for action in actions if isinstance(action, Finished)]
    assert finished.events[-1].attempt_finished == finished.finished
    return finished.finished


def _block_texts(actions: Iterable[Action]) -> list[bytes]:
    return [event.block.data for event in _events(actions) if event.WhichOneof("payload") == "block"]


def _stop(mode: attach_pb2.StopMode.ValueType = attach_pb2.STOP_MODE_GRACEFUL) -> attach_pb2.Stop:
    return attach_pb2.Stop(mode=mode, reason=common_pb2.REASON_CANCELLED, message="by you")


def test_a_quiet_job_makes_two_events_and_asks_for_no_wake_up() -> None:
    wrapper = _wrapper()
    actions = wrapper.on_spawned(5, event_pb2.Started(pid=7))
    assert _kinds(actions) == ["started"]
    assert wrapper.wake_at is None
    actions = _finish(wrapper, 25)
    assert _kinds(actions) == ["attempt_finished"]
    end = _end(actions)
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert (end.exit_code, end.usage.wall_nanos, end.usage.user_nanos, end.usage.system_nanos) == (
        0,
        20,
        3,
        4,
    )
    assert not end.usage.HasField("peak_memory_bytes")
    assert wrapper.state is State.FINISHED


def test_events_bear_the_time_since_1970() -> None:
    wrapper = _wrapper()
    (event,) = _events(wrapper.on_spawned(5, event_pb2.Started()))
    assert event.time_unix_nanos == OFFSET + 5
    assert (event.path, event.attempt) == ("top/x", 1)


def test_output_becomes_a_block_at_the_latest_when_it_is_due() -> None:
    wrapper = _running()
    assert wrapper.on_output(10, OUT, b"hello\n") == []
    at = wrapper.wake_at
    assert at is not None
    assert 10 < at <= 10 + SECOND // 10
    assert wrapper.on_time(at - 1) == []
    assert _block_texts(wrapper.on_time(at)) == [b"hello\n"]
    assert wrapper.wake_at is None


def test_blocks_stand_before_the_end() -> None:
    wrapper = _running()
    wrapper.on_output(10, OUT, b"hello\n")
    wrapper.on_output(10, ERR, b"oh\n")
    actions = _finish(wrapper, 20, _exit(1))
    assert _kinds(actions) == ["block", "block", "attempt_finished"]
    end = _end(actions)
    assert (end.counts.info, end.counts.error) == (1, 1)
    assert (end.stdout_lines, end.stderr_lines) == (1, 1)
    assert end.message == "exited with code 1"
    assert (end.first_error.text, end.first_error.stream, end.first_error.line) == ("oh", ERR, 1)


def test_a_line_on_stderr_fails_a_job_that_returns_0() -> None:
    wrapper = _running()
    wrapper.on_output(10, ERR, b"\n  oh\xff no \r\n")
    end = _end(_finish(wrapper, 20))
    assert end.reason == common_pb2.REASON_LIMIT
    assert (end.first_error.text, end.first_error.line) == ("oh\\xff no", 2)


def test_stderr_may_be_harmless_or_merged() -> None:
    for mode in (spec_pb2.STDERR_MODE_INFO, spec_pb2.STDERR_MODE_WARNING):
        wrapper = _running(spec_pb2.Settings(stderr=mode))
        wrapper.on_output(10, ERR, b"oh\n")
        assert _end(_finish(wrapper, 20)).outcome == common_pb2.OUTCOME_PASSED
    wrapper = _running(spec_pb2.Settings(stderr=spec_pb2.STDERR_MODE_MERGE))
    assert wrapper.streams == (OUT,)


def test_an_end_waits_for_the_pipes_but_not_for_ever() -> None:
    wrapper = _running()
    wrapper.on_eof(10, ERR)
    assert wrapper.on_exited(10, _exit()) == []
    assert wrapper.wake_at == 10 + DRAIN_NANOS
    assert wrapper.on_eof(20, OUT) == [Look()]
    wrapper = _running()
    wrapper.on_exited(10, _exit())
    assert wrapper.on_time(10 + DRAIN_NANOS) == [Look()]
    assert _end(wrapper.on_left_over(10 + DRAIN_NANOS, [])).outcome == common_pb2.OUTCOME_PASSED


def test_what_is_left_gets_term_then_kill_and_one_warning() -> None:
    wrapper = _running()
    wrapper.on_eof(0, OUT)
    wrapper.on_eof(0, ERR)
    now = 10
    assert wrapper.on_exited(now, _exit()) == [Look()]
    actions = wrapper.on_left_over(now, ["sleep (12)"])
    assert actions[-1] == Signal(signal.SIGTERM)
    (warning,) = _events(actions)
    assert warning.log.logger == "gator"
    assert "sleep (12)" in warning.log.text
    signals, now = _look_until(wrapper, State.KILLING_REST, ["sleep (12)"])
    assert signals == [Signal(signal.SIGKILL)]
    assert now >= 10 + DEFAULT_GRACE_NANOS
    end = _end(wrapper.on_left_over(now, []))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert end.counts.warning == 0


def _look_until(wrapper: Wrapper, state: State, left: list[str]) -> tuple[list[Action], int]:
    """Answer each look with `left` until the state is reached; the answer to the last one, and when."""
    for _ in range(1000):
        now = wrapper.wake_at
        assert now is not None
        assert wrapper.on_time(now) == [Look()]
        actions = wrapper.on_left_over(now, left)
        if wrapper.state is state:
            return actions, now
    raise AssertionError(f"never {state}")


def test_what_cannot_be_killed_is_named_and_given_up() -> None:
    wrapper = _running()
    wrapper.on_exited(10, _exit(2))
    wrapper.on_time(10 + DRAIN_NANOS)
    wrapper.on_left_over(10 + DRAIN_NANOS, ["dd (9)"])
    _, killed = _look_until(wrapper, State.KILLING_REST, ["dd (9)"])
    actions, now = _look_until(wrapper, State.FINISHED, ["dd (9)"])
    assert now >= killed + UNKILLABLE_NANOS
    assert _end(actions).message == "exited with code 2; could not be killed within 5s: dd (9)"


def test_a_timeout_ends_with_term_then_kill() -> None:
    wrapper = _running(spec_pb2.Settings(timeout_millis=2_000, grace_millis=1_000))
    assert wrapper.wake_at == 2 * SECOND
    assert wrapper.on_time(2 * SECOND) == [Signal(signal.SIGTERM)]
    assert wrapper.on_time(3 * SECOND) == [Signal(signal.SIGKILL)]
    end = _end(_finish(wrapper, 3 * SECOND + 1, _exit(None, 9)))
    assert end.reason == common_pb2.REASON_TIMEOUT
    assert end.message.startswith("ran longer than its timeout of 2s")


def test_a_timeout_counts_even_if_the_job_then_returns_0() -> None:
    wrapper = _running(spec_pb2.Settings(timeout_millis=2_000))
    wrapper.on_time(2 * SECOND)
    assert _end(_finish(wrapper, 2 * SECOND + 1)).reason == common_pb2.REASON_TIMEOUT


def test_a_timeout_of_0_is_none() -> None:
    assert _running(spec_pb2.Settings(timeout_millis=0)).wake_at is None


def test_no_grace_means_kill_at_once() -> None:
    wrapper = _running(spec_pb2.Settings(timeout_millis=2_000, grace_millis=0))
    assert wrapper.on_time(2 * SECOND) == [Signal(signal.SIGKILL)]


def test_a_stop_ends_gracefully_and_a_second_one_at_once() -> None:
    wrapper = _running()
    assert wrapper.on_stop(10, _stop()) == [Signal(signal.SIGTERM)]
    assert wrapper.on_stop(11, _stop()) == []
    assert wrapper.on_stop(12, _stop(attach_pb2.STOP_MODE_NOW)) == [Signal(signal.SIGKILL)]
    assert wrapper.on_stop(13, _stop(attach_pb2.STOP_MODE_NOW)) == []
    end = _end(_finish(wrapper, 14, _exit(None, 9)))
    assert (end.outcome, end.message, end.signal) == (common_pb2.OUTCOME_CANCELLED, "by you", 9)


def test_a_stop_before_the_start_ends_without_one() -> None:
    wrapper = _wrapper()
    actions = wrapper.on_stop(10, _stop())
    assert _kinds(actions) == ["attempt_finished"]
    assert _end(actions).outcome == common_pb2.OUTCOME_CANCELLED


def test_a_stop_after_the_exit_leaves_the_verdict_alone() -> None:
    wrapper = _running()
    wrapper.on_exited(10, _exit())
    assert wrapper.on_stop(11, _stop()) == []
    wrapper.on_time(10 + DRAIN_NANOS)
    wrapper.on_left_over(20, ["sleep (12)"])
    assert wrapper.on_stop(21, _stop(attach_pb2.STOP_MODE_NOW)) == [Signal(signal.SIGKILL)]
    assert _end(wrapper.on_left_over(22, [])).outcome == common_pb2.OUTCOME_PASSED
    wrapper = _running()
    wrapper.on_exited(10, _exit())
    assert wrapper.on_stop(11, _stop(attach_pb2.STOP_MODE_NOW)) == [Look()]
    assert wrapper.on_left_over(12, ["sleep (12)"]) == [Signal(signal.SIGKILL)]
    assert _end(wrapper.on_left_over(13, [])).outcome == common_pb2.OUTCOME_PASSED


def test_what_was_told_to_end_with_its_leader_keeps_the_rest_of_its_grace() -> None:
    wrapper = _running(spec_pb2.Settings(grace_millis=10_000))
    wrapper.on_eof(0, OUT)
    wrapper.on_eof(0, ERR)
    assert wrapper.on_stop(0, _stop()) == [Signal(signal.SIGTERM)]
    assert wrapper.on_exited(SECOND, _exit(None, 15)) == [Look()]
    assert wrapper.on_left_over(SECOND, ["sim (12)"]) == []
    signals, now = _look_until(wrapper, State.KILLING_REST, ["sim (12)"])
    assert signals == [Signal(signal.SIGKILL)]
    assert 10 * SECOND <= now < 11 * SECOND
    assert _end(wrapper.on_left_over(now, [])).outcome == common_pb2.OUTCOME_CANCELLED


def test_what_was_killed_with_its_leader_is_killed_again() -> None:
    wrapper = _running()
    wrapper.on_eof(0, OUT)
    wrapper.on_eof(0, ERR)
    wrapper.on_stop(0, _stop(attach_pb2.STOP_MODE_NOW))
    wrapper.on_exited(1, _exit(None, 9))
    assert wrapper.on_left_over(2, ["sim (12)"]) == [Signal(signal.SIGKILL)]


def test_an_unkillable_leader_does_not_hang_the_attempt() -> None:
    wrapper = _running()
    wrapper.on_stop(0, _stop(attach_pb2.STOP_MODE_NOW))
    end = _end(wrapper.on_time(UNKILLABLE_NANOS))
    assert end.outcome == common_pb2.OUTCOME_CANCELLED
    assert "could not be killed within 5s" in end.message
    assert wrapper.on_exited(UNKILLABLE_NANOS + 1, _exit()) == []


def test_a_command_that_cannot_start_fails_at_once() -> None:
    end = _end(_wrapper().on_spawn_failed(5, "no such program: x", transient=False))
    assert (end.outcome, end.reason) == (common_pb2.OUTCOME_FAILED, common_pb2.REASON_NOT_STARTED)
    assert end.message == "no such program: x"
    assert not end.HasField("exit_code")


def test_want_of_resources_is_tried_again_and_lost_after_30_seconds() -> None:
    wrapper = _wrapper()
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
    end = _end(actions)
    assert end.outcome == common_pb2.OUTCOME_LOST
    assert "no pids" in end.message


def test_what_other_attempts_will_give_back_is_waited_for() -> None:
    wrapper = _wrapper()
    for n in range(10):
        now = n * SPAWN_NANOS
        assert wrapper.on_spawn_failed(now, "no descriptors", transient=True, patient=True) == []
        assert wrapper.wake_at is not None
        assert now < wrapper.wake_at < now + SECOND
    assert wrapper.state is State.STARTING


def test_a_fault_of_gator_loses_the_attempt_and_leaves_nothing_running() -> None:
    end = _end(_wrapper().on_fault(5, "a fault"))
    assert (end.outcome, end.message) == (common_pb2.OUTCOME_LOST, "a fault")
    wrapper = _running()
    assert wrapper.on_fault(5, "a fault") == [Signal(signal.SIGKILL)]
    assert _end(_finish(wrapper, 7, _exit(None, 9))).outcome == common_pb2.OUTCOME_LOST


def test_memory_above_the_demand_is_warned_of_once_per_episode() -> None:
    wrapper = _running(resources=spec_pb2.Resources(memory_bytes=100))
    kinds = [
        _kinds(wrapper.on_sample(n, event_pb2.Sample(memory_bytes=m), m))
        for n, m in enumerate((50, 150, 160))
    ]
    assert kinds == [["sample"], ["sample", "log"], ["sample"]]
    wrapper.on_sample(5, event_pb2.Sample(memory_bytes=50), 160)
    assert _kinds(wrapper.on_sample(6, event_pb2.Sample(memory_bytes=150), 160)) == ["sample", "log"]
    end = _end(_finish(wrapper, 7))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert end.usage.peak_memory_bytes == 160


def test_memory_above_an_enforced_demand_kills() -> None:
    wrapper = _running(resources=spec_pb2.Resources(memory_bytes=100, enforce_memory=True))
    assert wrapper.on_sample(5, event_pb2.Sample(memory_bytes=150), 150)[-1] == Signal(signal.SIGKILL)
    end = _end(_finish(wrapper, 7, _exit(None, 9)))
    assert end.reason == common_pb2.REASON_MEMORY


def test_more_cores_than_given_are_warned_of_once_per_episode_unless_they_are_a_moments() -> None:
    wrapper = _running()

    def kinds(seconds: float, cores: float) -> list[str | None]:
        return _kinds(wrapper.on_sample(round(seconds * SECOND), event_pb2.Sample(cores=cores), 0))

    assert kinds(0.1, 3.0) == ["sample"]
    assert kinds(1, 1.1) == ["sample"]
    (_, warning) = _events(wrapper.on_sample(2 * SECOND, event_pb2.Sample(cores=3.0), 0))
    assert warning.log.text.startswith("uses 3.0 cores where it was given 1")
    assert kinds(3, 3.0) == ["sample"]
    assert kinds(4, 1.0) == ["sample"]
    assert kinds(5, 2.0) == ["sample", "log"]


def test_output_beyond_the_cap_is_counted_and_its_end_kept() -> None:
    wrapper = _running(log_cap=1024 * 1024)
    line = b"x" * 1023 + b"\n"
    actions: list[Action] = []
    for n in range(8 * 1024):
        actions += wrapper.on_output(n, OUT, line)
    actions += _finish(wrapper, 9_000)
    end = _end(actions)
    assert end.stdout_lines == end.counts.info == 8 * 1024
    stored = sum(len(data) for data in _block_texts(actions))
    assert stored + end.dropped_bytes == 8 * 1024 * 1024
    assert 2 * 1024 * 1024 <= stored <= 3 * 1024 * 1024
    last = [event.block for event in _events(actions) if event.WhichOneof("payload") == "block"][-1]
    assert last.offset_bytes + last.size_bytes == 8 * 1024 * 1024
    (warning,) = [event for event in _events(actions) if event.WhichOneof("payload") == "log"]
    assert "--log-cap" in warning.log.text


def test_messages_of_a_client_count_and_are_kept_up_to_a_number() -> None:
    wrapper = _running()
    log = event_pb2.LogEvent(severity=common_pb2.SEVERITY_ERROR, text="from the job")
    kept = [wrapper.on_client_event(5, event_pb2.Event(log=log)) for _ in range(MOST_LOGS + 5)]
    assert sum(bool(actions) for actions in kept) == MOST_LOGS
    (event,) = _events(kept[0])
    assert (event.path, event.attempt, event.time_unix_nanos) == ("top/x", 1, OFFSET + 5)
    end = _end(_finish(wrapper, 9))
    assert end.counts.error == MOST_LOGS + 5
    assert end.first_error.text == "from the job"


def test_metrics_of_a_client_are_folded() -> None:
    wrapper = _running()
    for value in (1.0, 2.5):
        metric = event_pb2.Metric(name="m", value=value, kind=event_pb2.METRIC_KIND_SUM)
        assert _kinds(wrapper.on_client_event(5, event_pb2.Event(metric=metric))) == ["metric"]
    (total,) = _end(_finish(wrapper, 9)).metrics
    assert (total.name, total.value, total.count) == ("m", 3.5, 2)


def test_nothing_but_logs_and_metrics_is_taken_from_a_client() -> None:
    assert _running().on_client_event(5, event_pb2.Event(result=event_pb2.Result())) == []


_STEPS = ("out", "err", "eof out", "eof err", "exit", "left", "gone", "stop", "now", "sample", "log", "time")


@given(
    st.lists(st.tuples(st.sampled_from(_STEPS), st.integers(0, 20)), max_size=40),
    st.booleans(),
    st.sampled_from([0, 50, 5_000]),
)
def test_whatever_happens_in_whatever_order_an_attempt_ends_once_and_says_nothing_more(
    steps: list[tuple[str, int]], starts: bool, grace: int
) -> None:
    settings = spec_pb2.Settings(timeout_millis=3_000, grace_millis=grace)
    resources = spec_pb2.Resources(memory_bytes=100, enforce_memory=True)
    wrapper = _wrapper(settings, resources)
    actions = (
        wrapper.on_spawned(0, event_pb2.Started())
        if starts
        else wrapper.on_spawn_failed(0, "no pids", transient=True)
    )
    now = 0
    for step, pause in steps:
        now += pause * SECOND // 20
        actions += _do_step(wrapper, step, now, starts)
    for _ in range(2000):
        if wrapper.state is State.FINISHED:
            break
        now = max(now, wrapper.wake_at or now)
        actions += _answer(wrapper, now, wrapper.on_time(now))
        if wrapper.state in (State.RUNNING, State.SWEEPING) and wrapper.wake_at is None:
            actions += wrapper.on_exited(now, _exit()) + wrapper.on_left_over(now, [])
    _end(actions)
    assert _kinds(actions)[-1] == "attempt_finished"
    assert wrapper.wake_at is None
    assert not any(_do_step(wrapper, step, now, True) for step in _STEPS)


def _answer(wrapper: Wrapper, now: int, actions: list[Action]) -> list[Action]:
    """What a host does with the actions: nothing can be started, and nothing that is left can be ended."""
    more: list[Action] = []
    for action in actions:
        if isinstance(action, Spawn):
            more += wrapper.on_spawn_failed(now, "no pids", transient=True)
        elif isinstance(action, Look):
            more += wrapper.on_left_over(now, ["undead (13)"])
    return actions + more


def _do_step(wrapper: Wrapper, step: str, now: int, runs: bool) -> list[Action]:
    match step:
        case "stop":
            return wrapper.on_stop(now, _stop())
        case "now":
            return wrapper.on_stop(now, _stop(attach_pb2.STOP_MODE_NOW))
        case "time":
            return _answer(wrapper, now, wrapper.on_time(now))
        case "left":
            return wrapper.on_left_over(now, ["undead (13)"])
        case "gone":
            return wrapper.on_left_over(now, [])
        case _ if not runs:
            return []
        case "out":
            return wrapper.on_output(now, OUT, b"a line\n")
        case "err":
            return wrapper.on_output(now, ERR, b"a line\n")
        case "eof out":
            return wrapper.on_eof(now, OUT)
        case "eof err":
            return wrapper.on_eof(now, ERR)
        case "exit":
            return wrapper.on_exited(now, _exit(3))
        case "sample":
            return wrapper.on_sample(now, event_pb2.Sample(memory_bytes=now % 200), 0)
        case _:
            return wrapper.on_client_event(now, event_pb2.Event(log=event_pb2.LogEvent(text="x")))


def test_progress_tells_the_counts_so_far() -> None:
    wrapper = _running()
    wrapper.on_output(1, OUT, b"a\nb\n\n")
    assert wrapper.progress().counts.info == 2
