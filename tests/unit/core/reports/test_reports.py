"""Reports of tests are read: JUnit's XML, TAP and go test -json."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.reports import Failure, Report, read_report
from gator.core.reports.report import MAX_FAILURES

PYTEST = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4">
<testcase classname="tests.test_a" name="test_adds[2]" time="0.1">
<failure message="assert (2 + 1) == 2">x = 2

&gt;   assert x + 1 == 2
E   assert (2 + 1) == 2

tests/test_a.py:4: AssertionError</failure></testcase>
<testcase classname="tests.test_a" name="test_ok"/>
<testcase classname="tests.test_a" name="test_s">
<skipped message="no">tests/test_a.py:8: no</skipped></testcase>
<testcase classname="tests.test_b" name="test_e">
<error message="failed on setup">fixture 'x' not found</error></testcase>
</testsuite></testsuites>
"""


def read(text: str, format_name: str = "", size: int = 1 << 20) -> Report:
    data = text.encode()
    return read_report((data[at : at + size] for at in range(0, len(data), size)), format_name)


def test_the_report_of_pytest_is_read() -> None:
    report = read(PYTEST)
    assert (report.format, report.tests, report.failures, report.skipped, report.problem) == (
        "junit",
        4,
        2,
        1,
        "",
    )
    first, second = report.failed
    assert (first.name, first.message) == ("tests.test_a.test_adds[2]", "assert (2 + 1) == 2")
    assert (first.file, first.line) == ("tests/test_a.py", 4)
    assert (second.name, second.message, second.line) == ("tests.test_b.test_e", "failed on setup", 0)


def test_a_failure_of_pytest_without_a_message_is_told_by_its_marked_line() -> None:
    report = read(PYTEST.replace(' message="assert (2 + 1) == 2"', ""))
    assert report.failed[0].message == "assert (2 + 1) == 2"


JAVA = """<testcase name="adds" classname="com.x.AppTest">
<failure message="expected:&lt;3&gt;" type="org.junit.AssertionError">org.junit.AssertionError: expected
\tat org.junit.Assert.fail(Assert.java:89)
\tat com.x.AppTest.adds(AppTest.java:12)</failure></testcase>"""
GTEST = """<testcase name="Fifo.Pops" classname="Fifo" file="fifo_test.cc" line="7">
<failure message="fifo_test.cc:12&#x0A;Expected equality" type=""><![CDATA[fifo_test.cc:12
Expected equality]]></failure></testcase>"""
PYTHON = """<testcase name="a" file="t.py"><error>Traceback
  File "/usr/lib/unittest.py", line 3, in run
  File "t.py", line 9, in a
KeyError: 1</error></testcase>"""


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        (JAVA, ("com.x.AppTest.adds", "expected:<3>", "org.junit.AssertionError", "AppTest.java", 12)),
        (GTEST, ("Fifo.Pops", "fifo_test.cc:12", "", "fifo_test.cc", 7)),
        (PYTHON, ("a", "Traceback", "", "t.py", 9)),
    ],
)
def test_forms_of_other_runners_are_read(case: str, wanted: tuple[str, str, str, str, int]) -> None:
    (failure,) = read(f"<testsuite>{case}</testsuite>").failed
    assert (failure.name, failure.message, failure.code, failure.file, failure.line) == wanted


TAP = """TAP version 13
1..6
ok 1 - opens
not ok 2 - reads # TODO later
    not ok 1 - a subtest
not ok 3 - writes
  ---
  message: "it is full"
  file: 't/write.t'
  line: 12
  ...
ok 4 - closes # SKIP no disk
not ok 5 - counts
#   Failed test 'counts'
#   at t/count.t line 7.
#          got: '3'
not ok 6
"""


def test_tap_is_read_with_what_explains_a_failure() -> None:
    report = read(TAP)
    assert (report.format, report.tests, report.failures, report.skipped) == ("tap", 6, 3, 1)
    places = [(each.name, each.message, each.file, each.line) for each in report.failed]
    assert places == [
        ("writes", "it is full", "t/write.t", 12),
        ("counts", "got: '3'", "t/count.t", 7),
        ("test 6", "not ok", "", 0),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1..3\nok 1\nok 2\n", "3 tests were planned and 2 were run"),
        ("1..3\nok 1\nBail out! no database\n", "no database"),
    ],
)
def test_tests_that_were_not_run_are_a_failure(text: str, message: str) -> None:
    (failure,) = read(text).failed
    assert failure.message == message


def _go(*events: tuple[str, str, str]) -> str:
    return "".join(
        json.dumps({"Action": action, "Package": "p", **({"Test": test} if test else {}), "Output": output})
        + "\n"
        for action, test, output in events
    )


def test_the_events_of_go_are_read() -> None:
    report = read(
        _go(
            ("output", "TestA/x", "=== RUN   TestA/x\n"),
            ("output", "TestA/x", "    a_test.go:3: got 2\n"),
            ("fail", "TestA/x", ""),
            ("pass", "TestA/y", ""),
            ("fail", "TestA", ""),
            ("output", "TestB", "panic: nil map\n"),
            ("output", "TestB", "\t/usr/go/panic.go:860 +0x13a\n"),
            ("output", "TestB", "\t/home/user/b_test.go:5 +0x28\n"),
            ("fail", "TestB", ""),
            ("skip", "TestC", ""),
            ("fail", "", ""),
        )
        + "not an event\n"
    )
    assert (report.format, report.tests, report.failures, report.skipped) == ("go", 4, 2, 1)
    assert [(each.name, each.message, each.file, each.line) for each in report.failed] == [
        ("p.TestA/x", "got 2", "a_test.go", 3),
        ("p.TestB", "panic: nil map", "/home/user/b_test.go", 5),
    ]


def test_a_package_that_was_not_built_and_said_nothing_is_a_failure() -> None:
    report = read('{"Action":"fail","Package":"x","FailedBuild":"x"}\n')
    assert [(one.name, one.message) for one in report.failed] == [("x", "build failed")]


def test_a_package_that_was_not_built_is_a_failure() -> None:
    text = (
        '{"ImportPath":"p [p.test]","Action":"build-output","Output":"# p [p.test]\\n"}\n'
        '{"ImportPath":"p [p.test]","Action":"build-output","Output":"b/b.go:2:12: undefined: y\\n"}\n'
        '{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}\n'
    )
    assert read(text).failed == [
        Failure(
            "p", "b/b.go:2:12: undefined: y".partition(": ")[2], "b/b.go:2:12: undefined: y", "", "b/b.go", 2
        )
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite>&b;</testsuite>', "document type"),
        ("<testsuite>" + "<properties>" * 200, "more than 100 deep"),
        ("<html></html>", "its root is <html>"),
        ("<testsuite><testcase name='a'>", "line 1: no element found"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("all tests passed\n", "no line of TAP"),
        ('{"a": 1}\n', "no event of go test"),
    ],
)
def test_a_file_that_is_not_a_report_is_a_problem_and_bombs_are_refused(text: str, problem: str) -> None:
    assert problem in read(text).problem


def test_failures_before_the_end_of_a_cut_report_are_kept() -> None:
    report = read(PYTEST[: PYTEST.index('<testcase classname="tests.test_b"')])
    assert report.failures == 1
    assert report.problem


def test_the_number_of_kept_failures_is_bounded() -> None:
    report = read("".join(f"not ok {number}\n" for number in range(MAX_FAILURES + 5)))
    assert (report.failures, len(report.failed)) == (MAX_FAILURES + 5, MAX_FAILURES)


@given(
    st.sampled_from([PYTEST, TAP, _go(("output", "T", "a_test.go:3: x\n"), ("fail", "T", ""))]),
    st.integers(1, 60),
)
def test_a_report_is_the_same_in_any_pieces(text: str, size: int) -> None:
    assert read(text, size=size) == read(text)


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("at: t.c:17", ("t.c", 17)),
        ("at: 'Test.<anonymous> (/chip/test/a.js:3:5)'", ("/chip/test/a.js", 3)),
        ("location: '/chip/test/b.js:12:1'", ("/chip/test/b.js", 12)),
        ("at: reset", ("", 0)),
    ],
)
def test_tap_names_the_place_in_one_field_too(field: str, place: tuple[str, int]) -> None:
    text = f"TAP version 13\n1..1\nnot ok 1 - b\n  ---\n  message: got 3\n  {field}\n  ...\n"
    failure = read(text).failed[0]
    assert (failure.file, failure.line) == place


@given(st.binary(max_size=200), st.sampled_from(["", "junit", "tap", "go"]))
def test_any_bytes_give_a_report(data: bytes, format_name: str) -> None:
    read_report([data], format_name)


@pytest.mark.parametrize(
    ("text", "tests", "failures", "skipped"),
    [
        (
            '<testsuites><testsuite name="s" tests="3" failures="1" errors="1" skipped="1"/></testsuites>',
            3,
            2,
            1,
        ),
        ('<testsuites tests="3" failures="2"></testsuites>', 3, 2, 0),
        (
            '<testsuites tests="3"><testsuite tests="2"/><testsuite tests="1" failures="1"/></testsuites>',
            3,
            1,
            0,
        ),
        ('<testsuite tests="9" failures="9"><testcase name="a"/></testsuite>', 1, 0, 0),
    ],
)
def test_totals_of_a_suite_count_only_if_its_tests_are_not_listed(
    text: str, tests: int, failures: int, skipped: int
) -> None:
    report = read_report([text.encode()])
    assert (report.tests, report.failures, report.skipped) == (tests, failures, skipped)
    assert report.problem == ""


def test_control_characters_in_a_report_are_left_out() -> None:
    failure = '<failure message="&#27;[1m{0}[31mbad{0}[0m&#x1b;"/>'.format("\x1b")
    report = read_report([f'<testsuite><testcase name="a">{failure}</testcase></testsuite>'.encode()])
    assert [failure.message for failure in report.failed] == ["bad"]
    assert report.problem == ""


def test_tests_of_go_that_have_not_ended_fail() -> None:
    lines = [
        '{"Action":"run","Package":"p","Test":"TestA"}',
        '{"Action":"pass","Package":"p","Test":"TestA"}',
        '{"Action":"run","Package":"p","Test":"TestB"}',
        '{"Action":"run","Package":"p","Test":"TestB/deep"}',
        r'{"Action":"output","Package":"p","Test":"TestB/deep","Output":"panic: no device\n"}',
    ]
    report = read_report(["\n".join(lines).encode()])
    assert [(failure.name, failure.message) for failure in report.failed] == [
        ("p.TestB/deep", "panic: no device")
    ]
    assert report.failures == 1
