"""A failure that another version of Gator signed is read with the parsers of this version."""

import pytest

from gator.core.attempt import choose_again
from gator.core.attempt.choose_again import OutputReading, is_chosen_again, sign_again
from gator.core.causes import signature
from gator.v1 import common_pb2, event_pb2

ERR = common_pb2.STREAM_STDERR
OUTPUT = "make: entering\na.c:3:4: error: no type named fifo_t\nmake: *** [a.o] Error 1\n"


def recorded(version: str) -> event_pb2.AttemptFinished:
    """The end of an attempt as another version recorded it, which chose the line of make."""
    end = event_pb2.AttemptFinished(
        outcome=common_pb2.OUTCOME_FAILED,
        reason=common_pb2.REASON_EXIT,
        exit_code=2,
        signature=f"{version}-1",
    )
    end.first_error.MergeFrom(
        event_pb2.ErrorMessage(severity=common_pb2.SEVERITY_ERROR, text="make: *** [a.o] Error 1", stream=ERR)
    )
    end.failure_inputs.MergeFrom(
        event_pb2.FailureInputs(
            reason=common_pb2.REASON_EXIT,
            exit_code=2,
            parser="make",
            message="[a.o] Error 1",
            version=version,
        )
    )
    return end


def read(output: str) -> OutputReading:
    reading = OutputReading()
    block = event_pb2.Block(stream=ERR, first_line=1)
    reading.take(event_pb2.Event(block=block), output.encode())
    return reading


@pytest.fixture(autouse=True)
def _next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (signature, choose_again):
        monkeypatch.setattr(module, "VERSION", "s2")


def test_the_choice_of_older_parsers_is_made_again_from_the_output() -> None:
    end = recorded("s1")
    assert is_chosen_again(end)
    again = sign_again("top/x", end, read(OUTPUT))
    assert (again.first_error.parser, again.first_error.file) == ("gcc", "a.c")
    assert again.signature.startswith("s2-")
    # A failure of today has the same signature.
    assert again.signature == sign_again("top/x", recorded(""), read(OUTPUT)).signature


def test_a_choice_of_this_version_stays() -> None:
    assert not is_chosen_again(recorded("s2"))
    assert is_chosen_again(recorded(""))


def test_without_output_the_recorded_messages_are_read() -> None:
    end = recorded("s1")
    end.failure_inputs.runners_up.add(text="a.c:3:4: error: no type named fifo_t", stream=ERR, line=2)
    assert sign_again("top/x", end, OutputReading()).first_error.file == "a.c"


def test_what_the_job_or_its_own_parser_said_stays() -> None:
    for parser in ("ours", "commands"):
        end = recorded("s1")
        end.failure_inputs.parser = parser
        assert not is_chosen_again(end)
    end = recorded("s1")
    end.failure_inputs.parser = ""
    # A line to which the spec points is an error; last words are none.
    assert not is_chosen_again(end)
    end.first_error.severity = common_pb2.SEVERITY_INFO
    assert is_chosen_again(end)
    end.failure_inputs.by_gator = True
    assert not is_chosen_again(end)
