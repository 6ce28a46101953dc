"""Converts the test reports of an attempt into messages that count, metrics and warnings."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from gator.core.attempt.events import EventFactory
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.severity import Messages
from gator.core.causes.first_error import Candidate, key_of, location_of
from gator.core.reports import Failure, ReportFile
from gator.core.text import cut, without_nul
from gator.v1 import common_pb2, event_pb2, spec_pb2

PARSER: Final = "results"
"""Name of the parser in messages about reports themselves."""
MAX_LOGS: Final = 10_000
"""Maximum number of recorded failures of an attempt; further ones are only counted."""
_ERROR: Final = common_pb2.SEVERITY_ERROR


class TestMessages(Struct):
    """The messages, warnings and metrics to record about reports."""

    logs: list[event_pb2.LogEvent]
    warnings: list[str]
    """Warnings of Gator, which do not count."""
    metrics: list[event_pb2.Metric]

    def events(self, stamp: EventFactory, now: int) -> list[event_pb2.Event]:
        """Returns the events that record them, at a monotonic time."""
        events = [stamp.event(now, log=log) for log in self.logs]
        events += [stamp.event(now, metric=metric) for metric in self.metrics]
        return events + [stamp.warning(now, text) for text in self.warnings]


def count_reports(files: Sequence[ReportFile], messages: Messages, metrics: AttemptMetrics) -> TestMessages:
    """Counts the failures in reports, and adds up their totals. Returns what to record."""
    result = TestMessages([], [], [])
    number = 0
    for file in files:
        report = file.report
        if report is not None:
            for failure in report.failed:
                number += 1
                error = _message(failure, report.format)
                messages.tests.report(number, error)
                _fail(result, messages, error, spec_pb2.PARSER_RANK_CAUSE, number)
            messages.add(_ERROR, report.failures - len(report.failed), counts=True)
            if report.problem and not report.tests:
                report = None
        if report is not None:
            totals = {"tests": report.tests, "failures": report.failures, "skipped": report.skipped}
            for name, value in totals.items():
                metric = event_pb2.Metric(name=name, value=value, kind=event_pb2.METRIC_KIND_SUM)
                if (recorded := metrics.add(metric)) is not None:
                    result.metrics.append(recorded)
        problem = file.problem
        if not problem:
            continue
        if file.required:
            number += 1
            error = event_pb2.ErrorMessage(severity=_ERROR, text=problem, message=problem, parser=PARSER)
            # It explains less than any error of the tests themselves.
            _fail(result, messages, error, spec_pb2.PARSER_RANK_CONSEQUENCE, number)
        else:
            result.warnings.append(problem)
    return result


def _message(failure: Failure, parser: str) -> event_pb2.ErrorMessage:
    name, message = without_nul(failure.name), without_nul(failure.message)
    rest = without_nul(failure.text)
    text = f"{name}: {message}" if message else f"{name} failed"
    message = message or text
    if rest.strip() and rest.strip() != message:
        text = f"{text}\n{rest}"
    return event_pb2.ErrorMessage(
        severity=_ERROR,
        text=cut(text),
        message=cut(message),
        file=without_nul(failure.file),
        file_line=failure.line,
        parser=parser,
        code=without_nul(failure.code),
        item=cut(name, 300),
    )


def _fail(
    collected: TestMessages,
    messages: Messages,
    error: event_pb2.ErrorMessage,
    rank: spec_pb2.ParserRank.ValueType,
    number: int,
) -> None:
    """Adds a message that counts; `number` is its place among all of them."""
    messages.add(_ERROR, counts=True)
    location = location_of(error.file, error.file_line) if error.file else None
    messages.offer(Candidate(key_of(rank, error.stream, number), location, error), counts=True)
    if number <= MAX_LOGS:
        collected.logs.append(
            event_pb2.LogEvent(
                severity=_ERROR,
                text=error.text,
                file=error.file,
                file_line=error.file_line,
                parser=error.parser,
                code=error.code,
                fields={"test": error.item} if error.item else None,
            )
        )
