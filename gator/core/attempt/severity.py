"""Counts the messages of an attempt by severity, and keeps the first of each.

Invariant: only messages of the job itself count, never those of Gator.
"""

from gator.core.text import cut
from gator.v1 import common_pb2, event_pb2, spec_pb2

NAMES: dict[common_pb2.Severity.ValueType, str] = {
    common_pb2.SEVERITY_DEBUG: "debug",
    common_pb2.SEVERITY_INFO: "info",
    common_pb2.SEVERITY_WARNING: "warning",
    common_pb2.SEVERITY_ERROR: "error",
    common_pb2.SEVERITY_CRITICAL: "critical",
}
WORST_FIRST = (common_pb2.SEVERITY_CRITICAL, common_pb2.SEVERITY_ERROR, common_pb2.SEVERITY_WARNING)

_OF_MODE = {
    spec_pb2.STDERR_MODE_INFO: common_pb2.SEVERITY_INFO,
    spec_pb2.STDERR_MODE_WARNING: common_pb2.SEVERITY_WARNING,
    spec_pb2.STDERR_MODE_ERROR: common_pb2.SEVERITY_ERROR,
    spec_pb2.STDERR_MODE_UNSPECIFIED: common_pb2.SEVERITY_ERROR,
}


def of_stderr(mode: spec_pb2.StderrMode.ValueType) -> common_pb2.Severity.ValueType | None:
    """Returns the severity of lines on stderr; None if stderr is merged into stdout."""
    return _OF_MODE.get(mode)


class Messages:
    """Counts of messages, and the first of each severity from WARNING on."""

    __slots__ = ("_counts", "_first", "_order")

    def __init__(self) -> None:
        self._counts = [0] * (common_pb2.SEVERITY_CRITICAL + 1)
        self._first: dict[int, tuple[int, event_pb2.ErrorMessage]] = {}
        self._order = 0

    def add(self, severity: common_pb2.Severity.ValueType, number: int = 1) -> None:
        """Counts messages."""
        self._counts[severity] += number

    def offer(
        self,
        severity: common_pb2.Severity.ValueType,
        text: str,
        stream: common_pb2.Stream.ValueType = common_pb2.STREAM_UNSPECIFIED,
        line: int = 0,
    ) -> event_pb2.ErrorMessage | None:
        """Keeps a message if it is the first of its severity; returns it then, else None."""
        if severity < common_pb2.SEVERITY_WARNING or severity in self._first:
            return None
        self._order += 1
        kept = event_pb2.ErrorMessage(severity=severity, text=cut(text), stream=stream, line=line)
        self._first[severity] = (self._order, kept)
        return kept

    def count(self, severity: common_pb2.Severity.ValueType) -> int:
        """Returns the number of messages of exactly this severity."""
        return self._counts[severity]

    def first_at_least(self, severity: common_pb2.Severity.ValueType) -> event_pb2.ErrorMessage | None:
        """Returns the first message of at least this severity; None if there is none."""
        found = [entry for worst, entry in self._first.items() if worst >= severity]
        return min(found, key=lambda entry: entry[0])[1] if found else None

    def firsts(self) -> list[event_pb2.ErrorMessage]:
        """Returns the first messages of each severity from WARNING on, in their order."""
        return [kept for _, kept in sorted(self._first.values(), key=lambda entry: entry[0])]

    def counts(self) -> common_pb2.Counts:
        """Returns all counts."""
        _, debug, info, warning, error, critical = self._counts
        return common_pb2.Counts(debug=debug, info=info, warning=warning, error=error, critical=critical)
