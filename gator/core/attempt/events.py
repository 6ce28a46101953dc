"""Events of one attempt: those that Gator writes, and those that the job's own processes report.

Invariant: every event names its attempt, and a flood of messages is counted but not stored.
"""

from gator.core.attempt.metrics import MORE_NAMES, AttemptMetrics
from gator.core.attempt.output.notices import GATOR_LOGGER, MAX_NOTICES
from gator.core.attempt.quota import Quota
from gator.core.attempt.severity import NAMES, Messages
from gator.core.attempt.state import FOLLOWED_NANOS
from gator.core.causes.first_error import Candidate
from gator.core.text import MAX_CHARACTERS, cut, without_nul
from gator.spec.metric_names import NAME_RULE, is_metric_name
from gator.v1 import common_pb2, event_pb2, spec_pb2


class EventFactory:
    """Makes the events of one attempt; `offset` is the time since 1970 minus the monotonic time, in ns."""

    __slots__ = ("_attempt", "_path", "offset", "warnings")

    def __init__(self, path: str, attempt: int, offset: int) -> None:
        self._path = path
        self._attempt = attempt
        self.offset = offset
        self.warnings = 0
        """Number of warnings of Gator itself so far."""

    def follow(self, now: int, wall: int) -> None:
        """Advances the offset if the wall clock is far ahead of it.

        Times within an attempt never go back, so that its lines stay in the order of their times.
        """
        if wall - now - self.offset > FOLLOWED_NANOS:
            self.offset = wall - now

    def event(
        self,
        now: int,
        *,
        started: event_pb2.Started | None = None,
        log: event_pb2.LogEvent | None = None,
        metric: event_pb2.Metric | None = None,
        sample: event_pb2.Sample | None = None,
        attempt_finished: event_pb2.AttemptFinished | None = None,
        progress: event_pb2.Progress | None = None,
        artefact: event_pb2.Artefact | None = None,
        artefact_content: event_pb2.ArtefactContent | None = None,
    ) -> event_pb2.Event:
        """Returns an event at a monotonic time."""
        return event_pb2.Event(
            path=self._path,
            attempt=self._attempt,
            time_unix_nanos=now + self.offset,
            started=started,
            log=log,
            metric=metric,
            sample=sample,
            attempt_finished=attempt_finished,
            progress=progress,
            artefact=artefact,
            artefact_content=artefact_content,
        )

    def warning(self, now: int, text: str, *, maximum: int = MAX_CHARACTERS) -> event_pb2.Event:
        """Returns a warning of Gator itself, which never counts, of at most `maximum` characters."""
        self.warnings += 1
        log = event_pb2.LogEvent(
            severity=common_pb2.SEVERITY_WARNING, text=cut(text, maximum), logger=GATOR_LOGGER
        )
        return self.event(now, log=log)

    def adopt(self, now: int, event: event_pb2.Event) -> None:
        """Makes an event from elsewhere one of this attempt; it keeps its time if it has one."""
        event.path = self._path
        event.attempt = self._attempt
        event.seq = 0
        if not event.time_unix_nanos:
            event.time_unix_nanos = now + self.offset


class ClientEvents:
    """Messages and metric values that the job's own processes report."""

    __slots__ = ("_messages", "_notices", "_quota", "_refused", "metrics")

    def __init__(self, messages: Messages, metrics: AttemptMetrics) -> None:
        self._messages = messages
        self._quota = Quota()
        self._notices = 0
        self._refused: set[str] = set()
        self.metrics = metrics

    def take(
        self, stamp: EventFactory, now: int, event: event_pb2.Event, *, notice: bool
    ) -> list[event_pb2.Event]:
        """Returns the events to record for a message or metric value that a process reports.

        A `notice` comes from the client in that process. It is recorded as a warning of Gator, and not
        counted.
        """
        if notice:
            return [stamp.warning(now, event.log.text)] if self._admit_notice() else []
        if event.WhichOneof("payload") == "metric" and not is_metric_name(event.metric.name):
            name = cut(event.metric.name, 140)
            text = f"a metric is not recorded: {NAME_RULE}, not {name!r}"
            return [stamp.warning(now, text)] if self._admit_refusal(name) else []
        if event.WhichOneof("payload") == "metric":
            event.metric.ClearField("batch")
            recorded = self.metrics.add(event.metric)
            if recorded is None:
                return []
            if recorded is not event.metric:
                event.metric.CopyFrom(recorded)
        elif not self._admit(event):
            return []
        stamp.adopt(now, event)
        return [event]

    def finish(self, stamp: EventFactory, now: int) -> list[event_pb2.Event]:
        """Returns the events with the values of metrics that are not recorded yet."""
        events = [stamp.event(now, metric=metric) for metric in self.metrics.finish()]
        return [*events, stamp.warning(now, MORE_NAMES)] if self.metrics.has_more else events

    def _admit_notice(self) -> bool:
        self._notices += 1
        return self._notices <= MAX_NOTICES

    def _admit_refusal(self, name: str) -> bool:
        """Returns whether to warn of a metric whose name is refused: once for each name."""
        if name in self._refused or len(self._refused) >= MAX_NOTICES:
            return False
        self._refused.add(name)
        return self._admit_notice()

    def _admit(self, event: event_pb2.Event) -> bool:
        """Counts a message; returns whether to record it as well."""
        if event.WhichOneof("payload") != "log":
            return False
        log = event.log
        if log.severity not in NAMES:
            log.severity = common_pb2.SEVERITY_INFO
        log.text = without_nul(log.text)
        self._messages.add(log.severity, counts=True)
        if log.severity >= common_pb2.SEVERITY_WARNING:
            self._messages.offer(reported(log), counts=True)
        return self._quota.admits(int(log.severity))


def reported(log: event_pb2.LogEvent) -> Candidate:
    """Returns a message of the API as an explanation of a failure."""
    message = event_pb2.ErrorMessage(
        severity=log.severity, text=cut(log.text), file=log.file, file_line=log.file_line, code=log.code
    )
    return Candidate.of(spec_pb2.PARSER_RANK_CAUSE, message)
