"""Attempts in given states, and what their actions say."""

from collections.abc import Iterable

from gator.core.attempt.actions import Action, Exit, Finished, LeftoverCheck, Record
from gator.core.attempt.machine import Wrapper
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2

SECOND = 1_000_000_000
OUT = common_pb2.STREAM_STDOUT
ERR = common_pb2.STREAM_STDERR
OFFSET = 1_000_000 * SECOND


def made(
    settings: spec_pb2.Settings | None = None,
    resources: spec_pb2.Resources | None = None,
    log_cap: int = 0,
    cores: int = 1,
) -> Wrapper:
    job = spec_pb2.Job(command="x", settings=settings, resources=resources)
    return Wrapper(attach_pb2.LaunchNode(path="top/x", attempt=1, cores=cores, job=job), OFFSET, log_cap)


def running(
    settings: spec_pb2.Settings | None = None,
    resources: spec_pb2.Resources | None = None,
    log_cap: int = 0,
) -> Wrapper:
    wrapper = made(settings, resources, log_cap)
    wrapper.on_spawned(0, event_pb2.Started(pid=7))
    return wrapper


def left(code: int | None = 0, number: int | None = None) -> Exit:
    return Exit(code, number, user_nanos=3, system_nanos=4, peak_memory=0)


def events_of(actions: Iterable[Action]) -> list[event_pb2.Event]:
    return [event for action in actions if isinstance(action, Record | Finished) for event in action.events]


def kinds_of(actions: Iterable[Action]) -> list[str | None]:
    return [event.WhichOneof("payload") for event in events_of(actions)]


def finish(wrapper: Wrapper, now: int, ended: Exit | None = None) -> list[Action]:
    actions = wrapper.on_eof(now, OUT) + wrapper.on_eof(now, ERR)
    actions += wrapper.on_exited(now, ended or left())
    assert isinstance(actions[-1], LeftoverCheck)
    return actions[:-1] + wrapper.on_left_over(now, [])


def end_of(actions: Iterable[Action]) -> event_pb2.AttemptFinished:
    (finished,) = [action for action in actions if isinstance(action, Finished)]
    assert finished.events[-1].attempt_finished == finished.finished
    return finished.finished


def texts_of(actions: Iterable[Action]) -> list[bytes]:
    return [event.block.data for event in events_of(actions) if event.WhichOneof("payload") == "block"]


def stop_in(mode: attach_pb2.StopMode.ValueType = attach_pb2.STOP_MODE_GRACEFUL) -> attach_pb2.Stop:
    return attach_pb2.Stop(mode=mode, reason=common_pb2.REASON_CANCELLED, message="by you")
