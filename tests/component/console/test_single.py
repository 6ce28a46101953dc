"""The display of a single job: its output, as the original prints it."""

import io
import shlex
from pathlib import Path
from time import perf_counter

import pytest

from gator.console.single import SingleDisplay
from gator.console.terminal import Terminal
from gator.v1 import common_pb2, event_pb2
from tests.component.console.support import (
    STARTED,
    FakeRun,
    block,
    finished,
    info,
    lines,
)


@pytest.fixture
def single(out: io.StringIO) -> SingleDisplay:
    made = SingleDisplay(Terminal(out, colour=False), verbose=False)
    made.on_start(info(1, single=True), FakeRun())
    return made


def test_a_single_job_prints_what_the_original_prints(single: SingleDisplay, out: io.StringIO):
    single.on_events([STARTED, block("top", b"hi\n"), finished()])
    single.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED))
    assert lines(out) == [
        "INFO     Starting Gator 🐊",
        "INFO     Launching task: echo hi",
        "INFO     Monitoring task",
        "INFO     hi",
        "INFO     Task completed with return code 0",
        "INFO     Recorded 0 warnings and 0 errors",
    ]


def test_a_bar_of_a_single_job_is_one_line_and_what_a_terminal_would_obey_is_shown(
    single: SingleDisplay, out: io.StringIO
):
    single.on_events(
        [STARTED, block("top", b"\x1b[2Jbegin\xe2\x80\xae\n 1%"), block("top", b"\r 50%", continues=True)]
    )
    single.on_events(
        [block("top", b"\r99%\r\n\x1b[3", continues=True), block("top", b"1mred\x1b[0m", continues=True)]
    )
    single.on_events([finished()])
    assert lines(out)[3:-2] == [
        "INFO     begin\\u202e",
        "INFO      1%",
        "INFO     99%",
        "INFO     red",
    ]


def test_a_long_bar_is_held_in_bounded_memory(single: SingleDisplay, out: io.StringIO):
    single.on_events(
        [STARTED, *(block("top", b"\r%70000d" % n, continues=n > 0) for n in range(20)), finished()]
    )
    assert [line.split()[1] for line in lines(out)[3:-2]] == ["19"]


def test_one_warning_and_one_error_are_counted_as_one(single: SingleDisplay, out: io.StringIO):
    ended = finished()
    ended.attempt_finished.counts.warning = ended.attempt_finished.counts.critical = 1
    single.on_events([STARTED, ended])
    assert lines(out)[-1] == "INFO     Recorded 1 warning and 1 error"


def test_output_that_ends_inside_a_line_is_not_glued_to_what_follows(single: SingleDisplay, out: io.StringIO):
    single.on_events([block("top", b"one\ntw"), block("top", b"o\nthree", continues=True)])
    single.on_events(
        [block("top", b"oh", stream=common_pb2.STREAM_STDERR, severity=common_pb2.SEVERITY_ERROR)]
    )
    single.on_events([block("top", b"!\n", continues=True), finished()])
    assert lines(out)[2:-1] == [
        "INFO     one",
        "INFO     two",
        "INFO     three",
        "ERROR    oh",
        "INFO     !",
        "INFO     Task completed with return code 0",
    ]


def test_a_single_job_that_failed_says_why_and_how_to_run_it_again(tmp_path: Path, out: io.StringIO):
    spec = tmp_path / "my job.yaml"
    spec.touch()
    single = SingleDisplay(Terminal(out, colour=False), verbose=False)
    single.on_start(info(1, single=True, spec=str(spec)), FakeRun())
    single.on_events([STARTED, finished(3)])
    single.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED, message="exited with code 3"))
    assert lines(out)[-3:] == [
        "ERROR    Task failed: exited with code 3",
        "INFO     The record is in /runs/one",
        f"INFO     To run it again: gator run --seed 7 {shlex.quote(str(spec))}",
    ]


def test_a_single_job_above_a_limit_quotes_no_message_a_second_time(single: SingleDisplay, out: io.StringIO):
    error = event_pb2.ErrorMessage(text="E: bad 1", severity=common_pb2.SEVERITY_ERROR)
    message = "1 error where 0 are allowed, the first: E: bad 1 (allow it with `limits: {error: 1}`)"
    single.on_events([STARTED, block("top", b"E: bad 1\n", severity=common_pb2.SEVERITY_ERROR), finished()])
    single.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED, message=message, first_error=error))
    assert out.getvalue().count("E: bad 1") == 1
    assert "ERROR    Task failed: 1 error where 0 are allowed (allow it with `limits: {error: 1}`)" in lines(
        out
    )


def test_a_flood_costs_no_work_per_line(single: SingleDisplay, out: io.StringIO):
    data = b"x" * 69 + b"\n"
    piece = block("top", data * 7000)
    began = perf_counter()
    single.on_events([piece] * 15)
    seconds = perf_counter() - began
    assert out.getvalue().count("\n") == 2 + 105_000
    # About 0.03 s here; a step in Python a line would take twenty times as long.
    assert seconds < 1
