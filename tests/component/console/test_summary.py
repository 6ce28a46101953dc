"""The summary at the end of a run: failures one by one, or by their causes."""

import io
from collections.abc import Sequence

from msgspec.structs import replace

from gator.console.plain import PlainDisplay
from gator.console.summary import MAX_ALL_LINES, MAX_CAUSES, MAX_LIMITS
from gator.console.terminal import Terminal
from gator.core.history.failure_groups import MAX_LISTED_FAILURES
from gator.ports import Display, EarlierRuns
from gator.v1 import common_pb2, event_pb2, spec_pb2
from tests.component.console.support import (
    FakeRun,
    Make,
    failed,
    info,
    lines,
)


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
    summary = summary_of(
        make(), out, [failed(f"top/x[{n}]", signature="same") for n in range(MAX_LISTED_FAILURES)]
    )
    assert f"{MAX_LISTED_FAILURES} failures, 1 cause:" in summary
    assert summary.count("again: ") == MAX_LISTED_FAILURES


def display_with(
    out: io.StringIO, earlier: EarlierRuns, rules: Sequence[spec_pb2.CauseRule] = ()
) -> PlainDisplay:
    display = PlainDisplay(
        Terminal(out, colour=False),
        quiet=False,
        verbose=False,
        all_messages=False,
        find_earlier_runs=lambda causes: earlier,
    )
    display.on_start(replace(info(), causes=rules), FakeRun())
    return display


def test_the_summary_says_how_many_causes_are_new(out: io.StringIO):
    earlier = EarlierRuns(", 1 new since run 25cb5c26", {"same": "new"})
    summary = summary_of(display_with(out, earlier), out, [failed("top/x", signature="same")])
    assert "1 failure, 1 cause, 1 new since run 25cb5c26:" in summary
    assert "top/x: exited with code 1 (new)\n" in summary


def test_causes_that_are_new_or_came_back_come_before_the_frequent_ones(out: io.StringIO):
    counts = {"a": 9, "b": 8, "c": 7, "d": 6, "e": 5, "back": 2, "new": 1}
    events = [
        failed(f"top/{name}[{n}]", signature=name) for name, count in counts.items() for n in range(count)
    ]
    states = {name: name if name in ("new", "back") else "known" for name in counts}
    rule = spec_pb2.CauseRule(name="grant timeout", paths="top/back*", ticket="HW-12")
    earlier = EarlierRuns("1 new, 1 back since run 25cb5c26", states | {"grant timeout": "back"})
    summary = summary_of(display_with(out, earlier, [rule]), out, events)
    lines = [line for line in summary.splitlines() if line.startswith("FAILED top/")]
    assert "top/new[0]: exited with code 1 (new)" in lines[0]
    assert lines[1].endswith("(back; grant timeout, HW-12; and 1 more of this cause)")
    assert lines[2].endswith("(and 8 more of this cause)")


def test_allowed_failures_come_apart_in_the_summary(make: Make, out: io.StringIO):
    allowed = [failed(f"top/a[{number}]", signature="0002") for number in range(MAX_LISTED_FAILURES + 2)]
    for event in allowed:
        event.result.allow_failure = True
    summary = summary_of(make(), out, [*allowed, failed("top/x", signature="0001")])
    assert f"1 failure, 1 cause; {MAX_LISTED_FAILURES + 2} allowed failures:" in summary
    assert summary.index("FAILED top/x") < summary.index("FAILED top/a[0] (allowed)")
    assert "... and 2 more allowed failures" in summary


def test_the_last_line_says_how_many_of_the_failed_jobs_may_fail(make: Make, out: io.StringIO):
    may_fail, lost, fails = failed("top/a"), failed("top/b"), failed("top/x")
    for event in (may_fail, lost):
        event.result.allow_failure = True
    lost.result.outcome = common_pb2.OUTCOME_LOST
    lost.result.jobs.CopyFrom(event_pb2.Tally(lost=1))
    display = make()
    display.on_events([may_fail, lost, fails])
    jobs = event_pb2.Tally(passed=2, failed=2, lost=1, flaky=1)
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED, jobs=jobs))
    assert ": 2 passed, 2 failed (1 allowed), 1 lost (1 allowed), 1 flaky\n" in out.getvalue()


def test_of_many_failures_the_summary_shows_each_cause_the_most_frequent_first(make: Make, out: io.StringIO):
    rare, often = (
        failed("top/y", "bang", "0001"),
        [failed(f"top/x[{n}]", signature="0002") for n in range(36)],
    )
    summary = summary_of(make(), out, [rare, *often])
    assert "37 failures, 2 causes:" in summary
    assert summary.index("FAILED top/x[0]") < summary.index("FAILED top/y")
    assert "FAILED top/x[0]: exited with code 1 (and 35 more of this cause)\n" in summary
    assert summary.count("       log: /runs/one/logs/top_") == 2
    assert "       again: gator run --only '/top/x[0]' " in summary
    assert "       again: gator run --only /top/y " in summary
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
    assert len(end) <= 4 * MAX_CAUSES + 8
    assert "... and 45 more causes" in end
    assert "details: gator failures -r /runs/one" in end


def test_when_quiet_failures_are_told_in_the_summary_alone(make: Make, out: io.StringIO):
    display = make(quiet=True)
    display.on_events([failed(f"top/x[{n}]", signature=f"{n % 40}") for n in range(1500)])
    assert not out.getvalue()
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED))
    assert len(out.getvalue().splitlines()) <= 4 * MAX_CAUSES + 8


def test_of_a_first_error_that_stands_in_the_reason_only_the_position_is_shown(make: Make, out: io.StringIO):
    failure = failed("top/x")
    failure.result.message = "1 error where 0 are allowed, the first: boom"
    assert "\n       first error: err:12\n" in summary_of(make(), out, [failure])


def test_a_first_error_without_a_position_that_stands_in_the_reason_is_not_repeated(
    make: Make, out: io.StringIO
):
    failure = failed("top/x")
    failure.result.message = "1 error where 0 are allowed, the first: boom"
    failure.result.first_error.line = 0
    assert "first error" not in summary_of(make(), out, [failure])


def test_of_many_causes_the_summary_shows_some_and_says_where_the_rest_is(make: Make, out: io.StringIO):
    summary = summary_of(
        make(), out, [failed(f"top/x[{n}]", signature=f"{n:04x}") for n in range(MAX_CAUSES + 5)]
    )
    assert f"{MAX_CAUSES + 5} failures, {MAX_CAUSES + 5} causes:" in summary
    assert summary.count("FAILED top/x[") == MAX_CAUSES
    assert "... and 5 more causes\ndetails: gator failures -r /runs/one\n" in summary


def held(path: str, message: str, jobs: int = 1) -> event_pb2.Event:
    result = event_pb2.Result(
        outcome=common_pb2.OUTCOME_CANCELLED, reason=common_pb2.REASON_MAX_FAIL, message=message
    )
    result.jobs.cancelled = jobs
    return event_pb2.Event(path=path, result=result)


def test_the_summary_says_which_limit_kept_how_many_jobs_from_starting(make: Make, out: io.StringIO):
    message = "not started, because 1 job of top failed (max_fail: 1)"
    events = [held("top/g/a", message), held("top/g/b", message), held("top/g", message, 2)]
    assert f"2 jobs were {message}\n" in summary_of(make(), out, [failed("top/x"), *events])


def test_the_summary_names_the_command_that_runs_the_cancelled_jobs(make: Make, out: io.StringIO):
    display = make()
    display.on_events([held("top/a", "not started, because 1 job of top failed (max_fail: 1)")])
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_CANCELLED, jobs=event_pb2.Tally(cancelled=3)))
    assert "\n2 jobs were cancelled: gator run --skip @passed --repeat /runs/one " in out.getvalue()


def test_only_the_first_limits_are_listed(make: Make, out: io.StringIO):
    events = [held(f"top/{at}", f"not started, because of {at}") for at in range(MAX_LIMITS + 2)]
    summary = summary_of(make(), out, [failed("top/x"), *events])
    assert summary.count("1 job was not started") == MAX_LIMITS
    assert "... and 2 more jobs because of other limits\n" in summary


def test_the_summary_names_the_command_that_lists_flaky_jobs(make: Make, out: io.StringIO):
    tally = event_pb2.Tally(passed=3, flaky=2)
    make().on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED, jobs=tally))
    (line,) = (line for line in lines(out) if "--flaky" in line)
    assert line.startswith("2 jobs passed only after a failed attempt: gator tree --flaky -r ")
