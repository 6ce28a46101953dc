"""`first_error` points at the line that explains a failure."""

import pytest

from gator.core.attempt.machine import Wrapper
from gator.v1 import common_pb2, event_pb2, spec_pb2
from tests.unit.core.attempt.machine_support import ERR, OUT, end_of, finish, left, running

SETTINGS = spec_pb2.Settings(
    first_error=spec_pb2.FirstError(match=r"^CHECK (?P<code>C\d+) FAILED: (?P<message>.*)$")
)


def running_with(*lines: bytes) -> Wrapper:
    """Returns an attempt without the key that has printed lines."""
    wrapper = running()
    for line in lines:
        wrapper.on_output(0, OUT, line)
    return wrapper


def end(*output: tuple[common_pb2.Stream.ValueType, bytes], code: int = 1) -> event_pb2.AttemptFinished:
    wrapper = running(SETTINGS)
    for stream, data in output:
        wrapper.on_output(0, stream, data)
    return end_of(finish(wrapper, 10, left(code)))


def test_the_line_explains_the_failure_though_a_parser_recognised_another() -> None:
    error = end((OUT, b"x.c:1:2: error: no such thing\nCHECK C12 FAILED: clock is off\n")).first_error
    assert (error.message, error.code, error.line) == ("clock is off", "C12", 2)


def test_the_line_keeps_its_severity() -> None:
    assert end((OUT, b"CHECK C12 PASSED\n"), (OUT, b"CHECK C1 FAILED:\n")).counts == (
        end_of(finish(running_with(b"CHECK C12 PASSED\n", b"CHECK C1 FAILED:\n"), 10, left(1))).counts
    )


def test_a_line_of_stderr_is_preferred_and_the_first_one_is_taken() -> None:
    out, err = b"CHECK C1 FAILED: a\n", b"\x1b[31mCHECK C2 FAILED: b\x1b[0m\nCHECK C3 FAILED: c\n"
    assert end((OUT, out), (ERR, err)).first_error.message == "b"


def test_without_such_a_line_the_choice_is_the_usual_one() -> None:
    assert end((OUT, b"x.c:1:2: error: no such thing\n")).first_error.message == "no such thing"


def test_the_line_does_not_fail_a_job_that_returned_0() -> None:
    assert end((OUT, b"CHECK C1 FAILED: a\n"), code=0).outcome == common_pb2.OUTCOME_PASSED


@pytest.mark.parametrize("pattern", [".*", "^$", "x?"])
def test_a_blank_line_is_never_the_first_error(pattern: str) -> None:
    wrapper = running(spec_pb2.Settings(first_error=spec_pb2.FirstError(match=pattern)))
    wrapper.on_output(0, OUT, b"\n \t\n\x1b[0m\nbroken\n")
    assert end_of(finish(wrapper, 10, left(1))).first_error.text == "broken"
