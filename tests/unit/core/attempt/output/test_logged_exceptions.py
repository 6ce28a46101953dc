"""An exception that a logger wrote ended no program: what the program said later explains more."""

import pytest

from tests.unit.core.attempt.output.test_words_before import first_error

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "b.py", line 3, in <module>\n'
    "    1/0\n"
    "ZeroDivisionError: division by zero\n"
)
NEVER = (
    "Task exception was never retrieved\n"
    "future: <Task finished name='Task-2' coro=<bg() done, defined at a.py:2> exception=ValueError('bg')>\n"
)


def test_the_last_words_come_before_a_logged_exception() -> None:
    log = f"ERROR:root:retry 1\n{TRACEBACK}ERROR:root:retry 2\n{TRACEBACK}"
    found = first_error(err=f"{log}could not reach board 7 after 3 tries\n")
    first, second = found.message.split("\n")
    assert first == "could not reach board 7 after 3 tries"
    assert second == "ZeroDivisionError: division by zero"
    assert (found.line, found.file) == (11, "b.py")


def test_the_end_of_a_program_does_not_extend_an_exception_that_asyncio_found() -> None:
    found = first_error(err=f"{NEVER}{TRACEBACK}final: could not finish\n")
    assert found.message == "final: could not finish\nZeroDivisionError: division by zero"


@pytest.mark.parametrize("log", ["ERROR:root:cannot go on\n", NEVER, ""])
def test_an_exception_at_the_end_explains_the_failure(log: str) -> None:
    assert first_error(err=f"{log}{TRACEBACK}").message == "division by zero"


def test_what_was_written_before_a_logged_exception_does_not_matter() -> None:
    found = first_error(err=f"starting up\nERROR:root:cannot go on\n{TRACEBACK}")
    assert found.message == "division by zero"


def test_messages_of_other_loggers_are_not_last_words() -> None:
    found = first_error(err=f"ERROR:root:cannot go on\n{TRACEBACK}ERROR:root:shutting down\n")
    assert found.message == "division by zero"


def test_an_exception_that_ended_its_program_keeps_the_further_lines_of_its_text() -> None:
    found = first_error(err=f"starting up\n{TRACEBACK}while setting the clock\n")
    assert found.message == "division by zero\nwhile setting the clock"
