"""Ends the processes of an attempt: the leader first, then what it left behind."""

import signal

from gator.core.attempt.actions import Action, Signal
from gator.core.attempt.machine.closing import finish
from gator.core.attempt.machine.context import AttemptContext, record
from gator.core.attempt.state import UNKILLABLE_NANOS, State
from gator.units import limit_text, some_of


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
