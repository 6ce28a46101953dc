"""Displays that print lines, and the paper all of them write on."""

import io
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter
from typing import TextIO

import pytest

from gator.console import make_display
from gator.console.live import LiveDisplay
from gator.console.plain import PlainDisplay
from gator.console.single import SingleDisplay
from gator.console.summary import MAX_ALL_LINES, MAX_CAUSES
from gator.console.terminal import Terminal
from gator.core.history.failure_groups import FEW
from gator.ports import Display
from gator.v1 import attach_pb2, common_pb2, event_pb2
from tests.component.console.support import FakeRun, FakeTerminal, block, failed, info, passed

Make = Callable[..., Display]


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def single(out: io.StringIO) -> SingleDisplay:
    made = SingleDisplay(Terminal(out, colour=False), verbose=False)
    made.on_start(info(1, single=True), FakeRun())
    return made


@pytest.fixture
def make(out: io.StringIO) -> Make:
    def plain(*, quiet: bool = False, verbose: bool = False, all_messages: bool = False, jobs: int = 100):
        made = PlainDisplay(
            Terminal(out, colour=False), quiet=quiet, verbose=verbose, all_messages=all_messages
        )
        made.on_start(info(jobs), FakeRun(waiting=jobs))
        return made

    return plain


def lines(out: io.StringIO) -> list[str]:
    return [re.sub(r"^\[\d\d:\d\d:\d\d\] ", "", line) for line in out.getvalue().splitlines()]


def finished(code: int = 0) -> event_pb2.Event:
    end = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_PASSED, exit_code=code)
    end.counts.info = 1
    return event_pb2.Event(path="top", attempt=1, attempt_finished=end)


STARTED = event_pb2.Event(path="top", attempt=1, started=event_pb2.Started(argv=["echo", "hi"]))


# -- a single job


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


# -- many jobs


def test_a_failure_is_one_line_at_once_and_told_in_full_in_the_summary(make: Make, out: io.StringIO):
    display = make()
    display.on_events([passed("top/a"), failed("top/b[1]")])
    at_once = out.getvalue().splitlines()
    assert at_once == [
        "top: 100 jobs on 2 cores, seed 7, folder /runs/one",
        "FAILED top/b[1]: exited with code 1",
    ]
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED, message="1 of 100 jobs failed"))
    end = out.getvalue().splitlines()[len(at_once) :]
    assert end[:3] == ["", "1 failure, 1 cause:", "FAILED top/b[1]: exited with code 1"]
    assert end[3] == "       first error: err:12: boom"
    assert end[4].startswith("       log: /runs/one/logs/top_b_1_-")
    assert end[5:] == [
        "       again: gator run --only '/top/b[1]' --seed 7 - < SPEC",
        "FAILED top in 0.00s: nothing yet: 1 of 100 jobs failed",
        "seed 7, folder /runs/one",
    ]


def test_a_single_job_that_fails_quietly_is_told_once(out: io.StringIO):
    display = PlainDisplay(Terminal(out, colour=False), quiet=True, verbose=False, all_messages=False)
    display.on_start(info(1, single=True), FakeRun(waiting=1))
    end = failed("top")
    display.on_events([end])
    assert not out.getvalue()
    end.result.jobs.failed = 1
    display.on_end(end.result)
    assert out.getvalue().splitlines() == [
        "FAILED top: exited with code 1",
        "       first error: err:12: boom",
        "       log: /runs/one/logs/top.log",
        "       again: gator run --seed 7 - < SPEC",
        "FAILED top in 0.00s: 1 failed",
        "seed 7, folder /runs/one",
    ]


def test_a_single_job_that_was_stopped_quietly_says_why(out: io.StringIO):
    display = PlainDisplay(Terminal(out, colour=False), quiet=True, verbose=False, all_messages=False)
    display.on_start(info(1, single=True), FakeRun(waiting=1))
    jobs = event_pb2.Tally(cancelled=1)
    display.on_end(
        event_pb2.Result(outcome=common_pb2.OUTCOME_CANCELLED, message="stopped by SIGINT", jobs=jobs)
    )
    assert out.getvalue().splitlines()[0] == "CANCELLED top in 0.00s: 1 cancelled: stopped by SIGINT"


def test_when_verbose_a_job_that_failed_ends_with_one_line(make: Make, out: io.StringIO):
    end = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_FAILED, message="exited with code 1")
    lost = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_LOST)
    display = make(verbose=True)
    display.on_events(
        [
            event_pb2.Event(path="top/b", attempt=1, attempt_finished=lost),
            event_pb2.Event(path="top/b", attempt=2, started=event_pb2.Started()),
            event_pb2.Event(path="top/b", attempt=2, attempt_finished=end),
            failed("top/b"),
        ]
    )
    assert out.getvalue().splitlines()[1:] == [
        "LOST top/b",
        "started top/b, attempt 2",
        "FAILED top/b: exited with code 1",
    ]


def test_a_line_of_counts_is_printed_a_minute(make: Make, out: io.StringIO):
    display = make()
    assert display.on_change(10.0) == 60.0
    assert display.on_change(50.0) == 20.0
    assert display.on_change(70.0) == 60.0
    assert out.getvalue().splitlines()[1:] == ["1m00s: 100 waiting"]


def test_when_quiet_only_failures_warnings_and_the_summary_are_printed(make: Make, out: io.StringIO):
    display = make(quiet=True)
    display.on_notice("something")
    display.on_notice("careful", warning=True)
    assert display.on_change(10.0) is None
    display.on_events([passed("top/a")])
    assert out.getvalue() == "warning: careful\n"
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED, jobs=event_pb2.Tally(passed=100)))
    assert out.getvalue().splitlines()[1] == "PASSED top in 0.00s: 100 passed"


def test_all_messages_name_their_job(make: Make, out: io.StringIO):
    display = make(all_messages=True)
    assert {attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_BLOCK} <= set(display.wants.kinds)
    log = event_pb2.LogEvent(severity=common_pb2.SEVERITY_WARNING, text="one\ntwo")
    display.on_events([event_pb2.Event(path="top/a", log=log), block("top/b", b"three\n")])
    assert lines(out)[1:] == ["WARNING  top/a: one", "WARNING  top/a: two", "INFO     top/b: three"]


def summary_of(display: Display, out: io.StringIO, failures: list[event_pb2.Event]) -> str:
    display.on_events(failures)
    before = len(out.getvalue())
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED))
    return out.getvalue()[before:]


def test_the_last_lines_do_not_repeat_the_reason_of_the_only_job(make: Make, out: io.StringIO):
    display = make()
    failure = failed("top/x", signature="same")
    display.on_events([failure])
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED, message=failure.result.message))
    assert lines(out)[-2].startswith("FAILED top in ")
    assert failure.result.message not in lines(out)[-2]


def test_a_few_failures_are_told_one_by_one_in_the_summary(make: Make, out: io.StringIO):
    summary = summary_of(make(), out, [failed(f"top/x[{n}]", signature="same") for n in range(FEW)])
    assert f"{FEW} failures, 1 cause:" in summary
    assert summary.count("again: ") == FEW


def test_the_summary_says_how_many_causes_are_new(out: io.StringIO):
    def seen(signatures: Iterable[str]) -> str:
        assert list(signatures) == ["same"]
        return "1 new since run 25cb5c26"

    display = PlainDisplay(
        Terminal(out, colour=False), quiet=False, verbose=False, all_messages=False, seen=seen
    )
    display.on_start(info(), FakeRun())
    summary = summary_of(display, out, [failed("top/x", signature="same")])
    assert "1 failure, 1 cause, 1 new since run 25cb5c26:" in summary


def test_allowed_failures_come_apart_in_the_summary(make: Make, out: io.StringIO):
    allowed = [failed(f"top/a[{number}]", signature="0002") for number in range(FEW + 2)]
    for event in allowed:
        event.result.allow_failure = True
    summary = summary_of(make(), out, [*allowed, failed("top/x", signature="0001")])
    assert f"1 failure, 1 cause; {FEW + 2} allowed failures:" in summary
    assert summary.index("FAILED top/x") < summary.index("FAILED top/a[0] (allowed)")
    assert "... and 2 more allowed failures" in summary


def test_of_many_failures_the_summary_shows_each_cause_the_most_frequent_first(make: Make, out: io.StringIO):
    rare, often = (
        failed("top/y", "bang", "0001"),
        [failed(f"top/x[{n}]", signature="0002") for n in range(36)],
    )
    summary = summary_of(make(), out, [rare, *often])
    assert "37 failures, 2 causes:" in summary
    assert summary.index("FAILED top/x[0]") < summary.index("FAILED top/y")
    assert "FAILED top/x[0]: exited with code 1 (and 35 more of this cause)\n" in summary
    assert "details: gator failures -r /runs/one\n" in summary
    assert summary.count("again: gator run --only @failed --repeat ") == 1


def test_after_ten_failures_of_a_cause_they_are_counted(make: Make, out: io.StringIO):
    display = make()
    display.on_events([failed(f"top/x[{n}]", signature="same") for n in range(1500)])
    display.on_events([failed("top/y", "bang", "other")])
    told = out.getvalue().splitlines()[1:]
    assert len(told) == 10 + 4 + 1
    assert told[10] == "FAILED top/x[49]: exited with code 1 (50 of this cause so far)"
    assert told[-2].endswith("(1,000 of this cause so far)")
    assert told[-1] == "FAILED top/y: exited with code 1"


def test_of_many_causes_few_failures_get_a_line_of_their_own(make: Make, out: io.StringIO):
    display = make()
    display.on_events([failed(f"top/x[{n}]", signature=f"{n // 30:02}") for n in range(1500)])
    told = out.getvalue().splitlines()[1:]
    own = [line for line in told if line.endswith("exited with code 1")]
    assert len(own) == MAX_ALL_LINES
    # Three causes get ten lines each; the first failures of 20 others are still shown.
    assert own[29] == "FAILED top/x[69]: exited with code 1"
    assert own[30:] == [f"FAILED top/x[{n}]: exited with code 1" for n in range(90, 690, 30)]
    assert [line for line in told if line not in own] == [
        "100 failures, 4 causes so far",
        "500 failures, 17 causes so far",
        "1,000 failures, 34 causes so far",
    ]
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED))
    end = out.getvalue().splitlines()[1 + len(told) :]
    assert len(end) <= 2 * MAX_CAUSES + 7
    assert "... and 45 more causes" in end
    assert "details: gator failures -r /runs/one" in end


def test_when_quiet_failures_are_told_in_the_summary_alone(make: Make, out: io.StringIO):
    display = make(quiet=True)
    display.on_events([failed(f"top/x[{n}]", signature=f"{n % 40}") for n in range(1500)])
    assert not out.getvalue()
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED))
    assert len(out.getvalue().splitlines()) <= 2 * MAX_CAUSES + 7


def test_a_first_error_that_stands_in_the_reason_is_not_repeated(make: Make, out: io.StringIO):
    failure = failed("top/x")
    failure.result.message = "1 error where 0 are allowed, the first: boom"
    assert "first error" not in summary_of(make(), out, [failure])


def test_of_many_causes_the_summary_shows_some_and_says_where_the_rest_is(make: Make, out: io.StringIO):
    summary = summary_of(
        make(), out, [failed(f"top/x[{n}]", signature=f"{n:04x}") for n in range(MAX_CAUSES + 5)]
    )
    assert f"{MAX_CAUSES + 5} failures, {MAX_CAUSES + 5} causes:" in summary
    assert summary.count("FAILED top/x[") == MAX_CAUSES
    assert "... and 5 more causes\ndetails: gator failures -r /runs/one\n" in summary


# -- which display, and the paper


def test_the_display_fits_the_occasion(terminal: FakeTerminal, out: io.StringIO):
    def kind(stream: TextIO, *, single: bool = False, quiet: bool = False, progress: bool = False):
        made = make_display(
            stream,
            single=single,
            quiet=quiet,
            verbose=False,
            all_messages=False,
            progress=progress,
            environment={"TERM": "xterm"},
            seen=lambda signatures: "",
        )
        return type(made)

    assert kind(out) is PlainDisplay
    assert kind(out, single=True) is SingleDisplay
    assert kind(out, single=True, quiet=True) is PlainDisplay
    assert kind(terminal.out, progress=True) is LiveDisplay
    assert kind(terminal.out, progress=True, quiet=True) is PlainDisplay


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="latin-1") as stream, os.fdopen(reading, "rb", closefd=False):
        yield reading, stream
    os.close(reading)


def test_what_an_encoding_lacks_is_written_as_escapes(pipe: tuple[int, TextIO]):
    reading, stream = pipe
    paper = Terminal(stream, colour=False)
    paper.line("é 🐊 …")
    assert os.read(reading, 100) == b"\xe9 \\U0001f40a \\u2026\n"
    assert paper.plain_characters


def test_a_reader_that_went_away_silences_the_display(tmp_path: Path):
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        paper = Terminal(stream, colour=False)
        os.close(reading)
        paper.line("one")
        paper.line("two")
        stream.flush()


def test_a_descriptor_that_does_not_block_loses_nothing(tmp_path: Path):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "w") as stream:
        paper = Terminal(stream, colour=False)
        for _ in range(300):
            paper.write("x" * 1000 + "\n")
        assert not paper.ready()
        os.set_blocking(reading, False)
        taken = 0
        while not paper.ready():
            taken += len(os.read(reading, 1 << 20))
        taken += len(os.read(reading, 1 << 20))
    os.close(reading)
    assert taken == 300 * 1001
