"""One attempt as a state machine: what it says, keeps and warns of, with time as an argument."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.attempt.actions import Action, LeftoverCheck, Signal, Spawn
from gator.core.attempt.machine import Wrapper
from gator.core.attempt.quota import MAX_LOGS
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
    kinds_of,
    left,
    made,
    running,
    stop_in,
    texts_of,
)


def test_a_quiet_job_makes_two_events_and_asks_for_no_wake_up() -> None:
    wrapper = made()
    actions = wrapper.on_spawned(5, event_pb2.Started(pid=7))
    assert kinds_of(actions) == ["started"]
    assert wrapper.wake_at is None
    actions = finish(wrapper, 25)
    assert kinds_of(actions) == ["attempt_finished"]
    end = end_of(actions)
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
    wrapper = made()
    (event,) = events_of(wrapper.on_spawned(5, event_pb2.Started()))
    assert event.time_unix_nanos == OFFSET + 5
    assert (event.path, event.attempt) == ("top/x", 1)


def test_output_becomes_a_block_at_the_latest_when_it_is_due() -> None:
    wrapper = running()
    assert wrapper.on_output(10, OUT, b"hello\n") == []
    at = wrapper.wake_at
    assert at is not None
    assert 10 < at <= 10 + SECOND // 10
    assert wrapper.on_time(at - 1) == []
    assert texts_of(wrapper.on_time(at)) == [b"hello\n"]
    assert wrapper.wake_at is None


def test_blocks_stand_before_the_end() -> None:
    wrapper = running()
    wrapper.on_output(10, OUT, b"hello\n")
    wrapper.on_output(10, ERR, b"oh\n")
    actions = finish(wrapper, 20, left(1))
    assert kinds_of(actions) == ["block", "block", "attempt_finished"]
    end = end_of(actions)
    assert (end.counts.info, end.counts.error) == (2, 0)
    assert (end.stdout_lines, end.stderr_lines) == (1, 1)
    assert end.message == "exited with code 1"
    assert (end.first_error.text, end.first_error.stream, end.first_error.line) == ("oh", ERR, 1)


def test_a_line_on_stderr_fails_a_job_that_returns_0_where_the_spec_says_so() -> None:
    wrapper = running(spec_pb2.Settings(stderr=spec_pb2.STDERR_MODE_ERROR))
    wrapper.on_output(10, ERR, b"\n  oh\xff no \r\n")
    end = end_of(finish(wrapper, 20))
    assert end.reason == common_pb2.REASON_LIMIT
    assert (end.first_error.text, end.first_error.line) == ("oh\\xff no", 2)


def test_stderr_may_be_harmless_or_merged() -> None:
    for mode in (spec_pb2.STDERR_MODE_INFO, spec_pb2.STDERR_MODE_WARNING):
        wrapper = running(spec_pb2.Settings(stderr=mode))
        wrapper.on_output(10, ERR, b"oh\n")
        assert end_of(finish(wrapper, 20)).outcome == common_pb2.OUTCOME_PASSED
    wrapper = running(spec_pb2.Settings(stderr=spec_pb2.STDERR_MODE_MERGE))
    assert wrapper.streams == (OUT,)


def test_memory_above_the_demand_is_warned_of_once_per_episode() -> None:
    wrapper = running(resources=spec_pb2.Resources(memory_bytes=100))
    kinds = [
        kinds_of(wrapper.on_sample(n, event_pb2.Sample(memory_bytes=m), m))
        for n, m in enumerate((50, 150, 160))
    ]
    assert kinds == [["sample"], ["sample", "log"], ["sample"]]
    wrapper.on_sample(5, event_pb2.Sample(memory_bytes=50), 160)
    assert kinds_of(wrapper.on_sample(6, event_pb2.Sample(memory_bytes=150), 160)) == ["sample", "log"]
    end = end_of(finish(wrapper, 7))
    assert end.outcome == common_pb2.OUTCOME_PASSED
    assert end.usage.peak_memory_bytes == 160


@pytest.mark.parametrize(
    ("asked", "used", "code", "warns"),
    [
        (2 << 30, 400 << 20, 0, True),
        (2 << 30, 600 << 20, 0, False),
        (2 << 30, 400 << 20, 1, False),
        (600 << 20, 100 << 20, 0, False),
        (2 << 30, 0, 0, False),
    ],
)
def test_far_too_much_memory_is_warned_of_at_the_end(asked: int, used: int, code: int, warns: bool) -> None:
    wrapper = running(resources=spec_pb2.Resources(memory_bytes=asked))
    wrapper.on_sample(5, event_pb2.Sample(memory_bytes=used), used)
    texts = [event.log.text for event in events_of(finish(wrapper, 9, left(code))) if event.HasField("log")]
    message = "used at most 419.4 MB of memory where it asked for 2.147 GB (ask for less with `!Memory`)"
    assert texts == ([message] if warns else [])


def test_memory_above_an_enforced_demand_kills() -> None:
    wrapper = running(resources=spec_pb2.Resources(memory_bytes=100, enforce_memory=True))
    assert wrapper.on_sample(5, event_pb2.Sample(memory_bytes=150), 150)[-1] == Signal(signal.SIGKILL)
    end = end_of(finish(wrapper, 7, left(None, 9)))
    assert end.reason == common_pb2.REASON_MEMORY


def test_more_cores_than_given_are_warned_of_once_per_episode_unless_they_are_a_moments() -> None:
    wrapper = running()

    def kinds(seconds: float, cores: float) -> list[str | None]:
        return kinds_of(wrapper.on_sample(round(seconds * SECOND), event_pb2.Sample(cores=cores), 0))

    assert kinds(0.1, 3.0) == ["sample"]
    assert kinds(1, 1.1) == ["sample"]
    (_, warning) = events_of(wrapper.on_sample(2 * SECOND, event_pb2.Sample(cores=3.0), 0))
    assert warning.log.text.startswith("uses 3.0 cores where it was given 1")
    assert kinds(3, 3.0) == ["sample"]
    assert kinds(4, 1.0) == ["sample"]
    assert kinds(5, 2.0) == ["sample", "log"]


def test_output_beyond_the_cap_is_counted_and_its_end_kept() -> None:
    wrapper = running(log_cap=1024 * 1024)
    line = b"x" * 1023 + b"\n"
    actions: list[Action] = []
    for n in range(8 * 1024):
        actions += wrapper.on_output(n, OUT, line)
    actions += finish(wrapper, 9_000)
    end = end_of(actions)
    assert end.stdout_lines == end.counts.info == 8 * 1024
    stored = sum(len(data) for data in texts_of(actions))
    assert stored + end.dropped_bytes == 8 * 1024 * 1024
    assert 2 * 1024 * 1024 <= stored <= 3 * 1024 * 1024
    last = [event.block for event in events_of(actions) if event.WhichOneof("payload") == "block"][-1]
    assert last.offset_bytes + last.size_bytes == 8 * 1024 * 1024
    (warning,) = [event for event in events_of(actions) if event.WhichOneof("payload") == "log"]
    assert "--log-cap" in warning.log.text


def test_messages_of_a_client_count_and_are_kept_up_to_a_number() -> None:
    wrapper = running()
    log = event_pb2.LogEvent(severity=common_pb2.SEVERITY_ERROR, text="from the job")
    kept = [wrapper.on_client_event(5, event_pb2.Event(log=log)) for _ in range(MAX_LOGS + 5)]
    assert sum(bool(actions) for actions in kept) == MAX_LOGS
    (event,) = events_of(kept[0])
    assert (event.path, event.attempt, event.time_unix_nanos) == ("top/x", 1, OFFSET + 5)
    end = end_of(finish(wrapper, 9))
    assert end.counts.error == MAX_LOGS + 5
    assert end.first_error.text == "from the job"


def test_metrics_of_a_client_are_folded() -> None:
    wrapper = running()
    for value in (1.0, 2.5):
        metric = event_pb2.Metric(name="m", value=value, kind=event_pb2.METRIC_KIND_SUM)
        assert kinds_of(wrapper.on_client_event(5, event_pb2.Event(metric=metric))) == ["metric"]
    (total,) = end_of(finish(wrapper, 9)).metrics
    assert (total.name, total.value, total.count) == ("m", 3.5, 2)


@pytest.mark.parametrize("name", ["", "m" * 129, "a\nb", "x\u202ey", "\x1b[2J"])
def test_a_metric_of_a_name_that_is_none_is_refused_with_a_warning(name: str) -> None:
    wrapper = running()
    metric = event_pb2.Metric(name=name, value=1)
    (kept,) = events_of(wrapper.on_client_event(5, event_pb2.Event(metric=metric)))
    assert "a metric is not recorded: its name must have 1 to 128 printable characters" in kept.log.text
    assert kept.log.severity == common_pb2.SEVERITY_WARNING
    assert not end_of(finish(wrapper, 9)).metrics


def test_each_refused_name_of_a_metric_is_told_once() -> None:
    wrapper = running()
    kept = [
        wrapper.on_client_event(5, event_pb2.Event(metric=event_pb2.Metric(name=name, value=1)))
        for _ in range(30)
        for name in ("a\nb", "a\tb")
    ]
    texts = [event.log.text for actions in kept for event in events_of(actions)]
    assert [text.rpartition("not ")[2] for text in texts] == ["'a\\nb'", "'a\\tb'"]


def test_nothing_but_logs_and_metrics_is_taken_from_a_client() -> None:
    assert running().on_client_event(5, event_pb2.Event(result=event_pb2.Result())) == []


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
    wrapper = made(settings, resources)
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
            actions += wrapper.on_exited(now, left()) + wrapper.on_left_over(now, [])
    end_of(actions)
    assert kinds_of(actions)[-1] == "attempt_finished"
    assert wrapper.wake_at is None
    assert not any(_do_step(wrapper, step, now, True) for step in _STEPS)


def _answer(wrapper: Wrapper, now: int, actions: list[Action]) -> list[Action]:
    """What a host does with the actions: nothing can be started, and nothing that is left can be ended."""
    more: list[Action] = []
    for action in actions:
        if isinstance(action, Spawn):
            more += wrapper.on_spawn_failed(now, "no pids", transient=True)
        elif isinstance(action, LeftoverCheck):
            more += wrapper.on_left_over(now, ["undead (13)"])
    return actions + more


def _do_step(wrapper: Wrapper, step: str, now: int, runs: bool) -> list[Action]:
    match step:
        case "stop":
            return wrapper.on_stop(now, stop_in())
        case "now":
            return wrapper.on_stop(now, stop_in(attach_pb2.STOP_MODE_NOW))
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
            return wrapper.on_exited(now, left(3))
        case "sample":
            return wrapper.on_sample(now, event_pb2.Sample(memory_bytes=now % 200), 0)
        case _:
            return wrapper.on_client_event(now, event_pb2.Event(log=event_pb2.LogEvent(text="x")))


@pytest.mark.parametrize(
    ("reads", "ended", "silence"),
    [([3, 8], 9, 5), ([5], 6, 4), ([2], 10, 8), ([], 4, 3)],
    ids=["between two reads", "before the first", "after the last", "without any"],
)
def test_the_longest_silence_is_told(reads: list[int], ended: int, silence: int) -> None:
    wrapper = made()
    wrapper.on_spawned(SECOND, event_pb2.Started(pid=7))
    for number, read in enumerate(reads):
        wrapper.on_output(read * SECOND, (OUT, ERR)[number % 2], b"a\n")
    assert end_of(finish(wrapper, ended * SECOND)).longest_silence_nanos == silence * SECOND
