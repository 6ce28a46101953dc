"""Closes an attempt whose processes have ended: reports, artefacts, verdict, hooks, and the last event."""

from collections.abc import Sequence

from gator.core.attempt.actions import Action, Collect, Finished, ReadLogFiles, ReadReports, RunHook, Spawn
from gator.core.attempt.artefacts import Collected
from gator.core.attempt.hooks import HookEnd, hook_logs
from gator.core.attempt.machine.context import AttemptContext, record
from gator.core.attempt.results.conclusion import conclude as summarise
from gator.core.attempt.results.verdict import Verdict, judge
from gator.core.attempt.state import COLLECT_NANOS, LOG_FILES_NANOS, READ_NANOS, State
from gator.core.reports import ReportFile
from gator.v1 import common_pb2, event_pb2


def read_log_files(context: AttemptContext, now: int) -> list[Action]:
    """Reads the rest of the files of `also_log` if the job names any, then the reports."""
    if not context.job.settings.also_log.files or context.is_complete:
        return read_reports(context, now)
    context.enter(State.READING_LOGS, now + LOG_FILES_NANOS)
    return [ReadLogFiles()]


def read_reports(context: AttemptContext, now: int) -> list[Action]:
    """Reads the reports of tests if the job names any, then collects."""
    if not context.job.settings.results.list or context.facts.stop is not None or context.exit is None:
        return collect(context, now)
    context.enter(State.READING, now + READ_NANOS)
    return [ReadReports()]


def take_reports(context: AttemptContext, now: int, files: Sequence[ReportFile]) -> list[Action]:
    """Records what the reports of tests say, then collects."""
    # Few jobs write reports of tests.
    from gator.core.attempt.report_messages import count_reports

    summary = count_reports(files, context.facts.messages, context.client.metrics)
    return [*record(summary.events(context.stamp, now)), *collect(context, now)]


def collect(context: AttemptContext, now: int) -> list[Action]:
    """Stores the artefacts if the job makes any, then finishes."""
    artefacts = context.job.artefacts
    if (
        context.facts.stop is not None
        or context.exit is None
        or not (artefacts.produces or artefacts.collect)
    ):
        return finish(context, now)
    events = _complete(context, now)
    passed = judge(context.facts, context.job.settings.limits).outcome == common_pb2.OUTCOME_PASSED
    context.enter(State.COLLECTING, now + COLLECT_NANOS)
    return [*record(events), Collect(passed)]


def take_artefacts(context: AttemptContext, now: int, collected: Collected) -> list[Action]:
    """Records the artefacts that were kept, then finishes."""
    context.kept = collected.artefacts
    context.facts.artefact = "; ".join(collected.problems)
    events = [context.stamp.event(now, artefact=artefact) for artefact in collected.artefacts]
    events += [context.stamp.event(now, artefact_content=content) for content in collected.contents]
    events += [context.stamp.warning(now, text) for text in collected.warnings]
    return [*record(events), *finish(context, now)]


def _complete(context: AttemptContext, now: int) -> list[event_pb2.Event]:
    """Returns the rest of the output."""
    if context.is_complete:
        return []
    context.is_complete = True
    events = context.with_start(now, context.output.finish())
    if capped := context.output.cap_warning():
        events.append(context.stamp.warning(now, capped))
    return events


def finish(context: AttemptContext, now: int) -> list[Action]:
    """Records the rest of the output, and ends the attempt after its hooks."""
    if context.verdict is not None:
        return conclude(context, now, context.verdict)
    if not context.times.started:
        context.times.start(now)
    events = _complete(context, now)
    if context.facts.expectations is not None:
        context.facts.expectations.check(context.client.metrics.total)
    context.verdict = judge(context.facts, context.job.settings.limits)
    name = _first_hook(context, context.verdict)
    if name:
        return [*record(events), *next_hook(context, now, name)]
    return conclude(context, now, context.verdict, events)


def _first_hook(context: AttemptContext, verdict: Verdict) -> str:
    """Returns the first hook after the end; an attempt that was stopped before its start has none."""
    hooks = context.hooks
    was_not_begun = context.state is State.STARTING and context.facts.stop is not None
    return "" if hooks is None or hooks.is_over or was_not_begun else hooks.finish(verdict.outcome)


def next_hook(context: AttemptContext, now: int, name: str) -> list[Action]:
    """Runs a hook after the verdict; without one, ends the processes that hooks have left."""
    if not name or context.verdict is None:
        return context.sweep()
    context.enter(State.HOOKS, context.hook_deadline(now))
    return [RunHook(name, context.verdict.outcome, context.verdict.reason)]


def take_hook(context: AttemptContext, now: int, end: HookEnd) -> list[Action]:
    """Goes on after a hook. One before the start that failed fails the attempt; others give a warning."""
    hooks = context.hooks
    if hooks is None:
        return []
    actions = record([context.stamp.event(now, log=log) for log in hook_logs(end)])
    if end.dropped:
        text = f"{end.dropped:,} bytes of output of the hook '{end.name}' were dropped"
        actions.append(context.warning(now, text))
    problem = hooks.problem_of(end)
    if context.state is State.PREPARING:
        context.facts.hook = problem
        if not problem and context.facts.stop is None:
            context.enter(State.STARTING, None)
            return [*actions, Spawn()]
        return [*actions, *context.sweep()]
    if problem:
        actions.append(context.warning(now, problem))
    return [*actions, *next_hook(context, now, hooks.next())]


def conclude(
    context: AttemptContext, now: int, verdict: Verdict, last: Sequence[event_pb2.Event] = ()
) -> list[Action]:
    """Records the end of the attempt, after its last events."""
    context.enter(State.FINISHED, None)
    events = [*last, *context.client.finish(context.stamp, now)]
    usage = context.usage.message(context.times, context.exit)
    if verdict.outcome == common_pb2.OUTCOME_PASSED and (text := context.usage.unused(usage)):
        events.append(context.stamp.warning(now, text))
    if verdict.outcome == common_pb2.OUTCOME_PASSED and context.start_line is not None:
        events += [context.stamp.warning(now, text) for text in context.start_line.problems()]
    finished = summarise(
        context.path,
        context.facts,
        verdict,
        context.times,
        usage,
        context.client.metrics,
        context.output,
        context.kept,
    )
    finished.ended_unix_nanos = now + context.stamp.offset
    finished.gator_warnings = context.stamp.warnings
    events.append(context.stamp.event(now, attempt_finished=finished))
    return [Finished(events, finished)]
