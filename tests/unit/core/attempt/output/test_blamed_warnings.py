"""A tool that treats warnings as errors is explained by its first warning."""

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.parsing import LineParser
from gator.core.attempt.severity import Messages
from gator.v1 import common_pb2, spec_pb2

WARNING = "%Warning-WIDTH: t.sv:2:11: Operator ASSIGNW expects 4 bits"


def first_error(text: str) -> str:
    messages = Messages()
    parser = LineParser(spec_pb2.Settings(), messages, AttemptMetrics())
    parser.parse(common_pb2.STREAM_STDERR, 1, text.encode(), common_pb2.Counts())
    parser.finish()
    choice = messages.best(common_pb2.SEVERITY_ERROR)
    assert choice is not None
    return choice.shown.text


def test_the_first_warning_explains_an_exit_because_of_warnings() -> None:
    text = f"{WARNING}\n%Warning-UNUSED: t.sv:3:1: x\n%Error: Exiting due to 2 warning(s)\n"
    assert first_error(text) == WARNING


def test_an_error_explains_more_than_a_warning() -> None:
    text = f"{WARNING}\n%Error: t.sv:9:1: syntax error\n%Error: Exiting due to 1 error(s), 1 warning(s)\n"
    assert first_error(text) == "%Error: t.sv:9:1: syntax error"


def test_a_warning_does_not_explain_another_consequence() -> None:
    assert first_error(f"{WARNING}\nmake: *** [a] Error 1\n") == "make: *** [a] Error 1"
