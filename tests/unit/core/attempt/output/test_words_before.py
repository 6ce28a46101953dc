"""The first error if the output only says that something before it failed."""

import pytest

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.parsing import LineParser
from gator.core.attempt.severity import Messages
from gator.v1 import common_pb2, event_pb2, spec_pb2

OUT, ERR = common_pb2.STREAM_STDOUT, common_pb2.STREAM_STDERR
MAKE = "make: *** [Makefile:2: all] Error 1"


def first_error(out: str = "", err: str = "") -> event_pb2.ErrorMessage:
    messages = Messages()
    parser = LineParser(spec_pb2.Settings(), messages, AttemptMetrics())
    for stream, text in ((OUT, out), (ERR, err)):
        parser.parse(stream, 1, text.encode(), common_pb2.Counts())
    parser.finish()
    choice = messages.best(common_pb2.SEVERITY_ERROR)
    assert choice is not None
    return choice.shown


def test_the_line_before_a_consequence_is_the_first_error() -> None:
    found = first_error(err=f"widget 3 broke\n{MAKE}\n")
    assert (found.text, found.line, found.stream) == ("widget 3 broke", 1, ERR)


@pytest.mark.parametrize(
    "err",
    [
        f"{MAKE}\n",
        f"make[1]: Leaving directory '/home/user/proj'\n{MAKE}\n",
        f"\n{MAKE}\nmake: *** [top] Error 2\n",
    ],
)
def test_a_consequence_stands_for_itself_if_nothing_else_is_said(err: str) -> None:
    assert first_error(err=err).text == MAKE


def test_the_last_words_of_the_other_stream_explain_a_consequence() -> None:
    found = first_error(out="1c1\n> level 17\n", err=f"{MAKE}\n")
    assert (found.text, found.message, found.stream) == (f"1c1\n> level 17\n{MAKE}", "> level 17", OUT)


def test_a_cause_is_preferred_to_the_line_before_a_consequence() -> None:
    err = f"src/a.c:3:5: error: 'head' undeclared\nwidget 3 broke\n{MAKE}\n"
    assert first_error(err=err).message == "'head' undeclared"


def test_a_line_far_from_the_end_is_not_taken() -> None:
    assert first_error(err="widget 3 broke\n" + f"{MAKE}\n" * 40).text == MAKE


def test_the_traceback_explains_more_than_the_summary_that_counts() -> None:
    pad = " " * 50
    out = (
        f"{pad}Traceback (most recent call last):\n"
        f'{pad}  File "/home/user/proj/t.py", line 8, in push\n'
        f"{pad}AssertionError: q is off\n"
        f"{pad}** TESTS=1 PASS=0 FAIL=1 SKIP=0      3.00      0.11     27.99  **\n"
    )
    assert first_error(out=out).message == "q is off"


@pytest.mark.parametrize(
    "more", ["make: Target 'all' not remade because of errors.", "make: *** Waiting for unfinished jobs...."]
)
def test_the_output_of_other_targets_does_not_explain_a_consequence(more: str) -> None:
    assert first_error(out="b is fine\n", err=f"{MAKE}\n{more}\n").text == MAKE


def test_a_warning_on_stderr_explains_less_than_that_no_tests_ran() -> None:
    err = 'plugin.py:306: PytestDeprecationWarning: The option "scope" is unset.\nIt will change.\n'
    assert first_error(out="\n1 deselected in 0.89s\n", err=err).message == "1 deselected"
