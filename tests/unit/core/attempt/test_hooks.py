"""The hooks of an attempt: when they run, and what they change."""

import signal
from collections.abc import Sequence

import pytest

from gator.core.attempt.actions import Action, EndHook, LeftoverCheck, RunHook, Spawn
from gator.core.attempt.hooks import HookEnd
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
    stop_in,
)

ALL = spec_pb2.Hooks(before="b", after="a", passed="p", failed="f")
PASSED, FAILED = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED


def made(hooks: spec_pb2.Hooks = ALL) -> Wrapper:
    job = spec_pb2.Job(command="x", hooks=hooks)
    return Wrapper(attach_pb2.LaunchNode(path="top/x", attempt=1, job=job), OFFSET, 0)


def started(hooks: spec_pb2.Hooks = ALL) -> Wrapper:
    wrapper = made(hooks)
    if wrapper.on_prepared(0):
        assert wrapper.on_hook(1, HookEnd("before"))[-1] == Spawn()
    wrapper.on_spawned(2, event_pb2.Started(pid=7))
    return wrapper


def hooks_of(actions: Sequence[Action]) -> list[tuple[str, int]]:
    return [(action.name, action.outcome) for action in actions if isinstance(action, RunHook)]


def texts(actions: Sequence[Action], logger: str) -> list[str]:
    return [event.log.text for event in events_of(actions) if event.log.logger == logger]


def test_a_hook_runs_before_the_process_and_the_others_after_its_verdict() -> None:
    wrapper = made()
    assert hooks_of(wrapper.on_prepared(0)) == [("before", 0)]
    actions = wrapper.on_hook(5, HookEnd("before", b"one\n\ntwo\n"))
    assert texts(actions, "hooks.before") == ["one", "two"]
    assert actions[-1] == Spawn()
    assert wrapper.on_prepared(6) == []
    wrapper.on_spawned(6, event_pb2.Started(pid=7))
    assert hooks_of(finish(wrapper, 9)) == [("passed", PASSED)]
    assert hooks_of(wrapper.on_hook(10, HookEnd("passed"))) == [("after", PASSED)]
    assert wrapper.on_hook(11, HookEnd("after")) == [LeftoverCheck()]
    end = end_of(wrapper.on_left_over(12, []))
    assert (end.outcome, end.usage.wall_nanos) == (PASSED, 3)


def test_a_failing_hook_before_fails_the_attempt_which_is_not_started() -> None:
    wrapper = made()
    wrapper.on_prepared(0)
    assert wrapper.on_hook(5, HookEnd("before", b"no disk\n", code=3))[-1] == LeftoverCheck()
    assert hooks_of(wrapper.on_left_over(6, [])) == [("failed", FAILED)]
    wrapper.on_hook(7, HookEnd("failed"))
    wrapper.on_hook(8, HookEnd("after"))
    end = end_of(wrapper.on_left_over(9, []))
    assert (end.outcome, end.reason) == (FAILED, common_pb2.REASON_HOOK)
    assert end.message == "the hook 'before' exited with code 3: no disk"
    assert end.signature


def test_other_hooks_that_fail_give_a_warning_and_change_nothing() -> None:
    wrapper = started()
    finish(wrapper, 9)
    actions = wrapper.on_hook(10, HookEnd("passed", code=-11))
    assert texts(actions, "gator") == ["the hook 'passed' was killed by signal 11"]
    wrapper.on_hook(11, HookEnd("after"))
    assert end_of(wrapper.on_left_over(12, [])).outcome == PASSED


def test_what_a_failed_attempt_runs_depends_on_its_outcome() -> None:
    wrapper = started()
    assert hooks_of(finish(wrapper, 9, left(2))) == [("failed", FAILED)]
    wrapper = started(spec_pb2.Hooks(passed="p"))
    assert end_of(finish(wrapper, 9, left(2))).outcome == FAILED


def test_a_hook_is_killed_at_the_end_of_its_time() -> None:
    wrapper = made(spec_pb2.Hooks(before="b", timeout_millis=2000))
    wrapper.on_prepared(SECOND)
    assert wrapper.wake_at == 3 * SECOND
    assert wrapper.on_time(3 * SECOND) == [EndHook(signal.SIGKILL)]
    wrapper.on_hook(3 * SECOND, HookEnd("before", code=-9, is_timed_out=True))
    end = end_of(wrapper.on_left_over(3 * SECOND, []))
    assert "ran longer than 2s" in end.message


def test_a_time_in_which_the_host_stood_still_is_not_counted() -> None:
    wrapper = made(spec_pb2.Hooks(before="b", timeout_millis=2000))
    wrapper.on_prepared(0)
    wrapper.on_late_wake(SECOND)
    assert wrapper.wake_at == 3 * SECOND


def test_a_stop_ends_the_hook_before_and_only_the_hook_after_follows() -> None:
    wrapper = made()
    wrapper.on_prepared(0)
    assert wrapper.on_stop(1, stop_in()) == [EndHook(signal.SIGTERM)]
    wrapper.on_hook(2, HookEnd("before", code=-15))
    assert hooks_of(wrapper.on_left_over(3, [])) == [("after", common_pb2.OUTCOME_CANCELLED)]
    wrapper.on_hook(4, HookEnd("after"))
    assert end_of(wrapper.on_left_over(5, [])).outcome == common_pb2.OUTCOME_CANCELLED


def test_a_stop_at_once_leaves_out_the_hooks_that_did_not_run() -> None:
    wrapper = started()
    wrapper.on_stop(5, attach_pb2.Stop(mode=attach_pb2.STOP_MODE_NOW))
    assert end_of(finish(wrapper, 9, left(None, 9))).outcome == common_pb2.OUTCOME_CANCELLED
    wrapper = started()
    finish(wrapper, 9)
    now = attach_pb2.Stop(mode=attach_pb2.STOP_MODE_NOW)
    assert wrapper.on_stop(10, now) == [EndHook(signal.SIGKILL)]
    assert wrapper.on_hook(11, HookEnd("passed", code=-9))[-1] == LeftoverCheck()


def test_an_attempt_that_was_stopped_before_its_start_has_no_hooks() -> None:
    wrapper = made()
    assert hooks_of(wrapper.on_stop(1, stop_in())) == []
    assert wrapper.state is State.FINISHED


def test_output_and_ends_during_hooks_do_not_change_the_verdict() -> None:
    wrapper = started()
    finish(wrapper, 9)
    assert wrapper.on_output(10, OUT, b"late\n") == []
    assert wrapper.on_eof(10, ERR) == []
    log = event_pb2.LogEvent(severity=common_pb2.SEVERITY_ERROR, text="late")
    assert wrapper.on_client_event(10, event_pb2.Event(log=log))
    wrapper.on_hook(11, HookEnd("passed"))
    wrapper.on_hook(12, HookEnd("after"))
    assert end_of(wrapper.on_left_over(13, [])).outcome == PASSED


@pytest.mark.parametrize("name", ["passed", "after"])
def test_dropped_output_is_told(name: str) -> None:
    wrapper = started()
    finish(wrapper, 9)
    actions = wrapper.on_hook(10, HookEnd(name, b"x\n", dropped=5000))
    assert texts(actions, "gator") == [f"5,000 bytes of output of the hook '{name}' were dropped"]


def test_a_missing_input_fails_the_attempt_before_its_start() -> None:
    wrapper = made(spec_pb2.Hooks())
    end = end_of(wrapper.on_input_missing(1, "build.sim is missing"))
    assert (end.outcome, end.reason, end.message) == (
        FAILED,
        common_pb2.REASON_ARTEFACT,
        "build.sim is missing",
    )
