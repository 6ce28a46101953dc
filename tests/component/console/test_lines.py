"""The display of many jobs in lines, for pipes and logs."""

import io

from gator.console.plain import PlainDisplay
from gator.console.terminal import Terminal
from gator.v1 import attach_pb2, common_pb2, event_pb2
from tests.component.console.support import (
    FakeRun,
    Make,
    block,
    failed,
    info,
    lines,
    passed,
)


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
        "needs: SPEC, the file with the spec, which was read from stdin",
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
        "needs: SPEC, the file with the spec, which was read from stdin",
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
