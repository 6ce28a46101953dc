"""Strings in lines that are not numbers give a warning, not a wrong value of a metric."""

import pytest

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.metric_lines import MetricLines
from gator.v1 import common_pb2, event_pb2, spec_pb2


def _found(text: str) -> event_pb2.Metric | event_pb2.LogEvent:
    rules = {"cycles": spec_pb2.MetricRule(match=r"ran (\S+) cycles")}
    lines = MetricLines(rules, AttemptMetrics())
    (found,) = lines.on_lines(common_pb2.STREAM_STDOUT, 1, f"ran {text} cycles\n".encode())
    assert isinstance(found, event_pb2.Metric | event_pb2.LogEvent)
    return found


@pytest.mark.parametrize("text", ["٣", "３", "1_0", "nan", "1e999", "-1e999", "many"])
def test_a_text_that_is_not_a_number_gives_a_warning(text: str) -> None:
    found = _found(text)
    assert isinstance(found, event_pb2.LogEvent)
    assert "is not a number" in found.text


@pytest.mark.parametrize(("text", "value"), [("3", 3.0), ("-1.5e3", -1500.0), ("inf", float("inf"))])
def test_a_number_is_the_value_of_the_metric(text: str, value: float) -> None:
    found = _found(text)
    assert isinstance(found, event_pb2.Metric)
    assert found.value == value
