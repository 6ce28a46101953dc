"""Reads the values of metrics in lines of output, as `metrics` in the spec describes them."""

from collections.abc import Mapping
from math import isinf, isnan
from typing import Final

from gator.core.attempt.commands import OutputPayload
from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.line_patterns import MatchedLine, matched_lines
from gator.core.attempt.output.notices import GATOR_LOGGER
from gator.core.text import cut
from gator.enum_names import enum_name
from gator.v1 import common_pb2, event_pb2, spec_pb2

_MAX_QUOTED: Final = 100
"""Maximum number of characters of a string that is quoted because it is not a number."""


class MetricLines:
    """The patterns of one attempt; an observer of its output."""

    def __init__(self, rules: Mapping[str, spec_pb2.MetricRule], metrics: AttemptMetrics) -> None:
        # A rule without a pattern disables the rule of the level above.
        self._rules = [(name, rules[name]) for name in sorted(rules) if rules[name].match]
        self._metrics = metrics
        self._refused: set[str] = set()

    def on_lines(
        self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes
    ) -> list[OutputPayload]:
        """Returns what to record of whole lines: values, and a warning for each metric that has none."""
        payloads: list[OutputPayload] = []
        for name, rule in self._rules:
            for line in matched_lines(rule.match, first_line, data):
                text = _value_of(line)
                value = _number(text)
                if value is None:
                    if name not in self._refused:
                        self._refused.add(name)
                        payloads.append(_warning(name, stream, line, text))
                    continue
                metric = event_pb2.Metric(name=name, value=value, kind=rule.kind, unit=rule.unit)
                recorded = self._metrics.add(metric)
                if recorded is not None:
                    payloads.append(recorded)
        return payloads


def _value_of(line: MatchedLine) -> str:
    """Returns the text of the group `value`, else of the only group."""
    match = line.match
    return (match["value"] if "value" in match.re.groupindex else match[1]) or ""


def _number(text: str) -> float | None:
    try:
        # float() also takes 1_0 as 10 and the digits of other scripts, which are mistakes here.
        value = float(text if text.isascii() and "_" not in text else "")
    except ValueError:
        return None
    is_too_large = isinf(value) and "inf" not in text.lower()
    return None if isnan(value) or is_too_large else value


def _warning(
    name: str, stream: common_pb2.Stream.ValueType, line: MatchedLine, text: str
) -> event_pb2.LogEvent:
    where = f"line {line.number} of {enum_name(common_pb2.Stream.DESCRIPTOR, stream)}"
    return event_pb2.LogEvent(
        severity=common_pb2.SEVERITY_WARNING,
        text=cut(f"{where} has no value of the metric {name}: {cut(text, _MAX_QUOTED)!r} is not a number"),
        logger=GATOR_LOGGER,
    )
