"""The line of a first error that displays show."""

from gator.core.causes.shown import shown_line
from gator.v1 import event_pb2

TEXT = "E       AssertionError: assert 3 == 2\nE        +  where 3 = add(1, 1)"


def test_the_message_of_a_test_report_is_shown_without_the_details_below_it() -> None:
    error = event_pb2.ErrorMessage(
        item="test_a.test_adds", message="AssertionError: assert 3 == 2", file="test_a.py", file_line=4
    )
    error.text = f"{error.item}: {error.message}\ndef test_adds():\n{TEXT}"
    assert shown_line(error) == "test_a.test_adds: AssertionError: assert 3 == 2 (test_a.py:4)"


def test_the_mark_of_pytest_is_not_shown() -> None:
    error = event_pb2.ErrorMessage(message="AssertionError: assert 3 == 2", text=TEXT, line=7)
    assert shown_line(error) == "AssertionError: assert 3 == 2"


def test_a_line_with_more_than_the_message_stays_whole() -> None:
    error = event_pb2.ErrorMessage(message="no clock", text="In function f:\na.c:3: error: no clock")
    assert shown_line(error) == "a.c:3: error: no clock"


def test_further_lines_of_a_message_follow_its_first() -> None:
    error = event_pb2.ErrorMessage(
        text='Trace:\n    raise E("it said:\\nno")\nE: it said:\n  no -lfoo\n', message="it said:\n  no -lfoo"
    )
    assert shown_line(error) == "E: it said: no -lfoo"


def test_the_line_that_ends_with_the_message_is_preferred_to_one_that_has_it() -> None:
    error = event_pb2.ErrorMessage(text='no clock\n    while executing\n"f "no clock""', message="no clock")
    assert shown_line(error) == "no clock"


def test_the_margin_of_a_group_of_exceptions_is_not_shown() -> None:
    error = event_pb2.ErrorMessage(text="  | OSError: no device", message="no device")
    assert shown_line(error) == "OSError: no device"


def test_a_relative_path_of_the_place_is_whole() -> None:
    error = event_pb2.ErrorMessage(text="too deep", message="too deep", file="src/fuzz.c", file_line=15)
    assert shown_line(error) == "too deep (src/fuzz.c:15)"
    for file in ("/home/ann/src/fuzz.c", "C:/x/fuzz.c", "~/fuzz.c"):
        error.file = file
        assert shown_line(error) == "too deep (fuzz.c:15)"
