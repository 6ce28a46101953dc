"""Each test that failed in a job is a cause of its own."""

import re

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.output.parsing import LineParser
from gator.core.attempt.report_messages import count_reports
from gator.core.attempt.severity import Messages
from gator.core.causes.failed_tests import MAX_TESTS, add_failed_tests, causes_in, sign_tests_again
from gator.core.causes.signature import sign
from gator.core.reports import Failure, Report, ReportFile
from gator.v1 import common_pb2, event_pb2, query_pb2, spec_pb2


def end_of(
    output: str,
    *reports: Report,
    reason: common_pb2.Reason.ValueType = common_pb2.REASON_EXIT,
) -> event_pb2.AttemptFinished:
    messages, metrics = Messages(), AttemptMetrics()
    parser = LineParser(spec_pb2.Settings(), messages, metrics)
    parser.parse(common_pb2.STREAM_STDOUT, 1, output.encode(), common_pb2.Counts())
    parser.finish()
    count_reports([ReportFile(required=True, report=report) for report in reports], messages, metrics)
    end = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_FAILED, reason=reason, exit_code=1)
    choice = messages.best(common_pb2.SEVERITY_ERROR)
    sign(end, choice)
    add_failed_tests(end, choice, messages.tests)
    return end


def report_of(*names: str) -> Report:
    report = Report("junit")
    for name in names:
        report.fail(Failure(name, message=f"{name} is wrong", text=f"{name} is wrong"))
    return report


def names_in(end: event_pb2.AttemptFinished) -> list[str]:
    return [test.error.item for test in end.failed_tests.list]


PYTEST = """\
=================================== FAILURES ===================================
____________________________________ test_a ____________________________________

    def test_a():
>       assert 1 == 2
E       assert 1 == 2

t.py:2: AssertionError
____________________________________ test_b ____________________________________

    def test_b():
>       raise KeyError("clock")
E       KeyError: 'clock'

t.py:5: KeyError
=========================== short test summary info ============================
FAILED t.py::test_a - assert 1 == 2
FAILED t.py::test_b - KeyError: 'clock'
2 failed in 0.02s
"""


def test_each_failed_test_has_a_signature() -> None:
    end = end_of(PYTEST)
    assert names_in(end) == ["test_a", "test_b"]
    first, second = end.failed_tests.list
    assert first.signature == end.signature != second.signature
    assert second.error.text == "test_b: KeyError: 'clock' (t.py:5)"


def test_a_test_has_the_same_signature_alone_and_among_others() -> None:
    head, first, second, rest = re.split(r"(?=^_{9,} )|(?=^=+ short)", PYTEST, flags=re.M)
    alone = end_of(head + second + rest.replace("FAILED t.py::test_a - assert 1 == 2\n", ""))
    assert first
    assert not alone.failed_tests.list
    assert alone.signature == end_of(PYTEST).failed_tests.list[1].signature


def test_a_single_failed_test_is_told_by_the_signature_of_the_job() -> None:
    assert not end_of("", report_of("push")).HasField("failed_tests")


def test_the_tests_of_reports_count_in_place_of_those_in_the_output() -> None:
    end = end_of(PYTEST, report_of("t.test_a", "t.test_b", "t.test_c"))
    assert names_in(end) == ["t.test_a", "t.test_b", "t.test_c"]


def test_a_crash_between_tests_is_a_cause_beside_them() -> None:
    crash = (
        "==9==ERROR: AddressSanitizer: heap-use-after-free on address 0x60 at pc 0x7f\n"
        "READ of size 4 at 0x60 thread T0\n    #0 0x55 in main q.c:3\n"
        "SUMMARY: AddressSanitizer: heap-use-after-free q.c:3 in main\n"
    )
    end = end_of(crash + PYTEST)
    assert names_in(end)[1:] == ["test_a", "test_b"]
    assert end.failed_tests.list[0].signature == end.signature
    assert "heap-use-after-free" in end.failed_tests.list[0].error.text


def test_a_test_above_failed_subtests_is_not_a_cause_of_its_own() -> None:
    output = (
        "--- FAIL: TestPush (0.00s)\n    --- FAIL: TestPush/one (0.00s)\n        q_test.go:9: got 1\n"
        "    --- FAIL: TestPush/two (0.00s)\n        q_test.go:9: got 2 and more\nFAIL\n"
    )
    assert [name for name in names_in(end_of(output)) if name == "TestPush"] == []


def test_further_tests_are_counted() -> None:
    end = end_of(
        "", report_of(*(f"group_{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(MAX_TESTS + 20)))
    )
    assert len(end.failed_tests.list) == MAX_TESTS
    assert end.failed_tests.left_out == 20


def test_a_hundred_tests_with_long_messages_are_small() -> None:
    report = Report("junit")
    for number in range(MAX_TESTS):
        name = f"t{'abcdefghij'[number // 10]}{'abcdefghij'[number % 10]}"
        report.fail(Failure(name, message="x" * 900, text="y" * 8000))
    assert end_of("", report).failed_tests.ByteSize() < 200_000


def test_a_lost_job_has_no_failed_tests() -> None:
    end = end_of(PYTEST, reason=common_pb2.REASON_LOST)
    assert not end.failed_tests.list


def test_tests_are_signed_again_from_what_is_recorded() -> None:
    end = end_of(PYTEST)
    expected = [test.signature for test in end.failed_tests.list]
    for test in end.failed_tests.list:
        test.signature = test.signature.replace("s1-", "s0-")
    sign_tests_again(end, before=end.signature.replace("s1-", "s0-"))
    assert [test.signature for test in end.failed_tests.list] == expected


def test_a_job_is_given_once_for_each_of_its_causes() -> None:
    end = end_of(PYTEST)
    node = query_pb2.Node(path="top/t", signature=end.signature, failed_tests=end.failed_tests)
    node.first_error.CopyFrom(end.first_error)
    one, other = causes_in(node)
    assert one.first_error == end.first_error
    assert other.first_error.item == "test_b"
    assert other.path == "top/t"
    assert other.signature == end.failed_tests.list[1].signature
    assert causes_in(one) == [one]
