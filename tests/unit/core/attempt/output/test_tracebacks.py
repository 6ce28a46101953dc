"""Of several tracebacks of Python, the one that ended the program explains the failure."""

import pytest

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.parsing import LineParser
from gator.core.attempt.results.verdict import AttemptFacts, Verdict, explanation
from gator.core.attempt.severity import Messages
from gator.v1 import common_pb2, spec_pb2

OUT, ERR = common_pb2.STREAM_STDOUT, common_pb2.STREAM_STDERR


def traceback(error: str, file: str = "a.py") -> str:
    return f'Traceback (most recent call last):\n  File "{file}", line 3, in f\n    f()\n{error}\n'


def code(err: str, *, exit_code: int = 1, out: str = "", cut: int | None = None) -> str:
    """The type of the exception that explains the failure of a job with this output."""
    messages = Messages()
    parser = LineParser(spec_pb2.Settings(), messages, AttemptMetrics())
    for stream, text in ((OUT, out), (ERR, err)):
        lines = text.splitlines(keepends=True)
        for at, piece in enumerate(lines if cut else [text]):
            parser.parse(stream, at + 1, piece.encode(), common_pb2.Counts())
    parser.finish()
    facts = AttemptFacts(exit_code=exit_code, messages=messages)
    choice = explanation(Verdict(common_pb2.OUTCOME_FAILED), facts)
    assert choice is not None
    assert choice.signing == choice.shown
    return choice.shown.code


HANDLED = f"ERROR:root:no cache\n{traceback('KeyError: 1')}going on\n"
CHAIN = "\nDuring handling of the above exception, another exception occurred:\n\n"


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize(
    "end", ["", "make: *** [Makefile:2: all] Error 1\n", "script failed\n", "Exception ignored in: <x>\n"]
)
def test_a_traceback_that_was_printed_and_survived_is_not_the_cause(end: str, cut: int | None) -> None:
    assert code(HANDLED + traceback("ValueError: 2") + end, cut=cut) == "ValueError"


def test_more_tracebacks_than_are_kept_do_not_hide_the_last() -> None:
    assert code(HANDLED * 7 + traceback("ValueError: 2")) == "ValueError"


def test_a_chain_is_one_message_and_ends_with_its_last_exception() -> None:
    chain = traceback("OSError: 3") + CHAIN + traceback("RuntimeError: 4")
    assert code(HANDLED + chain) == "RuntimeError"
    assert code(chain + "going on\n" + traceback("ValueError: 2")) == "ValueError"


def test_an_early_traceback_alone_stays_the_cause() -> None:
    late = "still working\n" * 100
    assert code(traceback("KeyError: 1") + late) == "KeyError"
    assert code(traceback("KeyError: 1") + traceback("ValueError: 2") + late) == "KeyError"


def test_the_exception_of_a_thread_or_process_is_not_hidden_by_what_follows_from_it() -> None:
    for head in ("Process Process-1:", "Process ForkPoolWorker-2:", "Exception in thread Thread-1 (f):"):
        assert (
            code(f"{head}\n{traceback('KeyError: 1')}" + traceback("RuntimeError: a worker died"))
            == "KeyError"
        )


def test_an_exception_at_the_end_of_the_interpreter_is_not_the_cause() -> None:
    ignored = f"Exception ignored in: <function A.__del__ at 0x7f>\n{traceback('ValueError: late')}"
    assert code(traceback("RuntimeError: main") + ignored) == "RuntimeError"


def test_the_tracebacks_of_a_program_that_returned_0_ended_nothing() -> None:
    assert code(HANDLED + traceback("ValueError: 2"), exit_code=0) == "KeyError"


def test_the_last_traceback_replaces_no_message_of_another_tool() -> None:
    assert code("a.c:3:4: error: bad\n" + traceback("ValueError: 2")) == ""


NODE = "{}\n    at f (/home/user/proj/a.js:1:7)\n    at Object.<anonymous> (/home/user/proj/a.js:9:1)\n"
JAVA = "java.lang.{}: x\n\tat q.Q.f(Q.java:19)\n"


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize(
    ("handled", "fatal", "expected"),
    [
        (JAVA.format("IllegalStateException"), 'Exception in thread "main" ' + JAVA.format("Error"), "Error"),
        (NODE.format("RangeError: 1"), f"\n{NODE.format('TypeError: 2')}\nNode.js v20.20.2\n", "TypeError"),
    ],
)
def test_an_exception_that_was_logged_does_not_hide_the_one_that_ended_the_program(
    handled: str, fatal: str, expected: str, cut: int | None
) -> None:
    assert code(f"{handled}going on\n{fatal}", cut=cut).endswith(expected)


def test_of_exceptions_that_were_only_logged_the_first_is_taken() -> None:
    err = JAVA.format("IllegalStateException") + "going on\n" + JAVA.format("Error")
    assert code(err) == "java.lang.IllegalStateException"


def test_a_failed_program_is_not_a_cause_beside_its_own_traceback() -> None:
    end = traceback("subprocess.CalledProcessError: Command '['x']' returned non-zero exit status 1.")
    assert code(traceback("KeyError: 1") + end) == "KeyError"
