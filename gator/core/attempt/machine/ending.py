"""Ends the processes of an attempt: the leader first, then what it left behind.

`stop_attempt` ends it because it was asked to, `on_deadline` because the time of its state is over.
"""

import signal

from gator.core.attempt.actions import Action, EndHook, LeftoverCheck, Signal, Spawn
from gator.core.attempt.machine.closing import collect, finish, read_reports
from gator.core.attempt.machine.context import AttemptContext, record
from gator.core.attempt.state import (
    ALIVE,
    COLLECT_NANOS,
    LOG_FILES_NANOS,
    MILLI,
    READ_NANOS,
    UNKILLABLE_NANOS,
    State,
)
from gator.units import limit_text, some_of
from gator.v1 import attach_pb2


def stop_attempt(context: AttemptContext, now: int, stop: attach_pb2.Stop) -> list[Action]:
    """Ends the attempt; a leader that has already exited keeps its verdict."""
    at_once = stop.mode == attach_pb2.STOP_MODE_NOW
    if at_once and context.hooks is not None:
        context.hooks.skip()
    if context.state in ALIVE or context.state is State.STARTING:
        if context.facts.stop is None:
            context.facts.stop = (stop.reason, stop.message)
        if context.state is State.STARTING:
            return finish(context, now)
        if at_once and context.state is not State.KILLING:
            return kill(context, now)
        return end(context, now) if context.state is State.RUNNING else []
    if context.state is State.PREPARING:
        context.facts.stop = context.facts.stop or (stop.reason, stop.message)
        return [EndHook(signal.SIGKILL if at_once else signal.SIGTERM)]
    return _stop_rest_at_once(context, now) if at_once else []


def _stop_rest_at_once(context: AttemptContext, now: int) -> list[Action]:
    """Ends at once what follows the exit of the leader."""
    match context.state:
        case State.DRAINING | State.SWEEPING:
            context.termination.end_grace(now)
            return context.sweep() if context.state is State.DRAINING else []
        case State.ENDING_REST:
            return kill_rest(context, now)
        case State.READING_LOGS | State.READING | State.COLLECTING:
            return finish(context, now)
        case State.HOOKS:
            return [EndHook(signal.SIGKILL)]
        case _:
            return []


def on_deadline(context: AttemptContext, now: int) -> list[Action]:
    """Leaves a state whose time is over, or does what was postponed to its deadline."""
    match context.state:
        case State.STARTING:
            context.deadline = None
            return [Spawn()]
        case State.RUNNING:
            context.facts.timeout_nanos = context.job.settings.timeout_millis * MILLI
            return end(context, now)
        case State.ENDING:
            return kill(context, now)
        case State.PREPARING | State.HOOKS:
            context.deadline = None
            return [EndHook(signal.SIGKILL)]
        case State.KILLING:
            return give_up(context, now, ["its first process"])
        case State.DRAINING:
            return context.sweep()
        case State.ENDING_REST | State.KILLING_REST:
            context.deadline = None
            return [LeftoverCheck()]
        case State.READING_LOGS:
            limit = limit_text(LOG_FILES_NANOS)
            text = f"the files of `also_log` could not be read for {limit}: their rest is left out"
            return [context.warning(now, text), *read_reports(context, now)]
        case State.READING:
            limit = limit_text(READ_NANOS)
            text = f"the reports of tests could not be read within {limit}: they are left out"
            return [context.warning(now, text), *collect(context, now)]
        case State.COLLECTING:
            limit = limit_text(COLLECT_NANOS)
            context.facts.artefact = f"its artefacts could not be kept within {limit}"
            return finish(context, now)
        case State.SWEEPING | State.FINISHED:
            context.deadline = None
            return []


def end(context: AttemptContext, now: int) -> list[Action]:
    """Sends SIGTERM, and SIGKILL after the grace."""
    if not context.termination.grace:
        return kill(context, now)
    settled = record(context.with_start(now, context.output.settle()))
    context.enter(State.ENDING, context.termination.begin(now))
    return [*settled, Signal(signal.SIGTERM)]


def kill(context: AttemptContext, now: int) -> list[Action]:
    """Sends SIGKILL."""
    settled = record(context.output.settle()) if context.state is State.RUNNING else []
    context.termination.end_grace(now)
    context.enter(State.KILLING, now + UNKILLABLE_NANOS)
    return [*settled, Signal(signal.SIGKILL)]


def end_rest(context: AttemptContext, now: int, names: list[str]) -> list[Action]:
    """Warns of leftover processes and sends TERM, unless they were told to end with the leader."""
    actions: list[Action] = []
    if context.termination.kill_at is None:
        context.termination.begin(now)
        text = f"left processes behind, which are ended now: {some_of(names)}"
        actions.append(context.warning(now, text))
        if context.termination.grace:
            actions.append(Signal(signal.SIGTERM))
    context.enter(State.ENDING_REST, now + context.termination.pause)
    return [*actions, *kill_rest(context, now)] if context.termination.is_grace_over(now) else actions


def end_rest_further(context: AttemptContext, now: int, names: list[str]) -> list[Action]:
    """Checks leftover processes again, kills them after the grace and finally gives them up."""
    context.termination.increase_pause()
    context.deadline = now + context.termination.pause
    if context.state is State.ENDING_REST:
        return kill_rest(context, now) if context.termination.is_grace_over(now) else []
    if context.termination.is_unkillable(now):
        return give_up(context, now, names)
    return [Signal(signal.SIGKILL)]


def kill_rest(context: AttemptContext, now: int) -> list[Action]:
    """Kills the leftover processes."""
    context.termination.on_killed(now)
    context.enter(State.KILLING_REST, now + context.termination.pause)
    return [Signal(signal.SIGKILL)]


def give_up(context: AttemptContext, now: int, names: list[str]) -> list[Action]:
    """Ends the attempt although processes of it live."""
    context.facts.unkillable = f"could not be killed within {limit_text(UNKILLABLE_NANOS)}: {some_of(names)}"
    return [context.warning(now, context.facts.unkillable), *finish(context, now)]
