"""Counts the messages of an attempt by severity, and keeps those that may explain its failure.

Invariant: only messages of the job itself count, never those of Gator.
"""

from gator.core.causes.failed_tests import FailingTests
from gator.core.causes.first_error import Best, Candidate, Choice, Key, Location, choice_of
from gator.core.text import cut
from gator.parsers import MAX_TEXT
from gator.v1 import common_pb2, event_pb2, spec_pb2

NAMES: dict[common_pb2.Severity.ValueType, str] = {
    common_pb2.SEVERITY_DEBUG: "debug",
    common_pb2.SEVERITY_INFO: "info",
    common_pb2.SEVERITY_WARNING: "warning",
    common_pb2.SEVERITY_ERROR: "error",
    common_pb2.SEVERITY_CRITICAL: "critical",
}
_CONSEQUENCE: int = spec_pb2.PARSER_RANK_CONSEQUENCE
WORST_FIRST = (common_pb2.SEVERITY_CRITICAL, common_pb2.SEVERITY_ERROR, common_pb2.SEVERITY_WARNING)


class Messages:
    """Counts of messages, of those that count for the limits, and the best explanations of a failure."""

    __slots__ = (
        "_automatic",
        "_counted",
        "_counts",
        "_explaining",
        "_warnings",
        "after_logged",
        "before_consequence",
        "final",
        "is_settled",
        "last_words",
        "pointed",
        "tests",
    )

    def __init__(self) -> None:
        self._counts = [0] * (common_pb2.SEVERITY_CRITICAL + 1)
        self._counted = [0] * (common_pb2.SEVERITY_CRITICAL + 1)
        self._explaining: dict[int, Best] = {}
        self._automatic = Best([])
        self.tests = FailingTests()
        self._warnings = Best([])
        """Warnings that do not count. They explain the failure of a tool that treats them as errors."""
        self.after_logged: event_pb2.ErrorMessage | None = None
        """The last lines on stderr that no parser recognised; None if there are none near its end."""
        self.before_consequence: event_pb2.ErrorMessage | None = None
        """The last lines that no parser recognised, if the best message is only a consequence."""
        self.is_settled = False
        """Whether no further message may explain the failure, because Gator is ending the attempt."""
        self.final: event_pb2.ErrorMessage | None = None
        """The exception near the end of the output that ended a program; None for none."""
        self.pointed: event_pb2.ErrorMessage | None = None
        """The line to which the spec points; None before the end of the output, or if there is none."""
        self.last_words: event_pb2.ErrorMessage | None = None
        """The last lines of the output; None before the end of the output, or if there are none."""

    def add(self, severity: common_pb2.Severity.ValueType, number: int = 1, *, counts: bool) -> None:
        """Adds messages; `counts` if they count for the limits."""
        self._counts[severity] += number
        if counts:
            self._counted[severity] += number

    def move(
        self,
        before: common_pb2.Severity.ValueType,
        after: common_pb2.Severity.ValueType,
        number: int,
        *,
        counted: bool,
        counts: bool,
    ) -> None:
        """Changes the severity of messages, and whether they count."""
        self._counts[before] -= number
        self._counts[after] += number
        self._counted[before] -= number * counted
        self._counted[after] += number * counts

    def wants(
        self, severity: common_pb2.Severity.ValueType, key: Key, location: Location | None, *, counts: bool
    ) -> bool:
        """Returns whether a message would be kept, so that others need not be made."""
        best = self._best_of(severity, counts=counts)
        return best is not None and not self.is_settled and best.wants(key, location)

    def offer(self, candidate: Candidate, *, counts: bool) -> None:
        """Records a message if it may explain a failure."""
        best = self._best_of(candidate.message.severity, counts=counts)
        if best is not None and not self.is_settled:
            best.offer(candidate)

    def _best_of(self, severity: common_pb2.Severity.ValueType, *, counts: bool) -> Best | None:
        if not counts:
            return self._automatic if severity >= common_pb2.SEVERITY_ERROR else self._warnings
        best = self._explaining.get(severity)
        if best is None:
            best = self._explaining[severity] = Best([])
        return best

    def counted(self, severity: common_pb2.Severity.ValueType) -> int:
        """Returns the number of messages of exactly this severity that count for the limits."""
        return self._counted[severity]

    def best(self, severity: common_pb2.Severity.ValueType) -> Choice | None:
        """Returns the best explanation of a failure, by messages of at least this severity; None if none."""
        if self.pointed is not None:
            return Choice(self.pointed, self.pointed)
        counted = self._merged(severity)
        automatic = self._automatic
        if (
            counted.shown
            and automatic.shown
            and counted.shown[0].key[0] == _CONSEQUENCE > automatic.shown[0].key[0]
        ):
            # A summary counts, but the message of the tool explains more.
            return choice_of(automatic)
        if not counted.shown and self._warnings.shown and self._blames_warnings():
            return choice_of(self._warnings)
        if not counted.shown and self.before_consequence is not None:
            others = tuple(each.message for each in automatic.shown)
            return Choice(self.before_consequence, self.before_consequence, others)
        best = counted if counted.shown else automatic
        return self._after_handled(best) or self._last()

    def _after_handled(self, best: Best) -> Choice | None:
        """Returns the best message, or the final exception if that is an earlier one that ended no program.

        A program prints the stack of an exception that it handles, and goes on.
        """
        choice, final = choice_of(best), self.final
        if choice is None:
            return None
        if final is not None and _precedes(best.shown[0], final):
            return Choice(final, final, (choice.shown, *choice.others))
        end = self._said_after(choice.shown) if best.shown[0].is_logged else None
        return Choice(end, end, (choice.shown, *choice.others)) if end is not None else choice

    def is_best_logged(self) -> bool:
        """Returns whether the best message that does not count is an exception that a logger wrote."""
        shown = self._automatic.shown
        return bool(shown) and shown[0].is_logged

    def _said_after(self, logged: event_pb2.ErrorMessage) -> event_pb2.ErrorMessage | None:
        """Returns what the program wrote on stderr after a logged exception, together with that; else None.

        It went on after the exception, which may still be the cause.
        """
        words = self.after_logged
        if words is None or logged.stream != words.stream or words.line < logged.line:
            return None
        exception = f"{logged.code}: {logged.message}" if logged.code else logged.message
        end = event_pb2.ErrorMessage()
        end.CopyFrom(logged)
        end.line = words.line
        end.message = cut(f"{words.message}\n{exception}", MAX_TEXT)
        end.text = cut(f"{words.text}\n{logged.text}", MAX_TEXT)
        return end

    def _blames_warnings(self) -> bool:
        """Returns whether the only explanation is that there were warnings, which do not count."""
        only = self.only_consequence()
        return only is not None and "warning" in only.text.lower()

    def only_consequence(self) -> event_pb2.ErrorMessage | None:
        """Returns the best message that does not count, if it only says that something before it failed."""
        shown = self._automatic.shown
        return shown[0].message if shown and shown[0].key[0] == _CONSEQUENCE else None

    def best_counted(self, severity: common_pb2.Severity.ValueType) -> Choice | None:
        """Returns the best of the messages that count; None if there is none of at least this severity."""
        return choice_of(self._merged(severity))

    def _merged(self, severity: common_pb2.Severity.ValueType) -> Best:
        merged = Best([])
        for worst, best in self._explaining.items():
            if worst >= severity:
                for candidate in (*best.shown, *([best.located] if best.located is not None else ())):
                    if candidate not in merged.shown:
                        merged.offer(candidate)
        return merged

    def _last(self) -> Choice | None:
        if self.last_words is None:
            return None
        return Choice(self.last_words, self.last_words, is_last_words=True)

    def counts(self) -> common_pb2.Counts:
        """Returns the counts of all messages."""
        return _message(self._counts)

    def counts_for_limits(self) -> common_pb2.Counts:
        """Returns the counts of the messages that count for the limits."""
        return _message(self._counted)


def _precedes(candidate: Candidate, final: event_pb2.ErrorMessage) -> bool:
    """Returns whether a message is an exception in the same stream before the final one."""
    shown = candidate.message
    return (
        candidate.may_precede_final
        and shown.parser == final.parser
        and shown.stream == final.stream
        and shown.line < final.line
    )


def _message(counts: list[int]) -> common_pb2.Counts:
    _, debug, info, warning, error, critical = counts
    return common_pb2.Counts(debug=debug, info=info, warning=warning, error=error, critical=critical)
