"""What `expect` in the spec means for the verdict on an attempt."""

import signal
from typing import Any

import pytest

from gator.core.attempt.results.expectations import Expectations
from gator.core.attempt.results.verdict import AttemptFacts, Verdict, explanation, judge
from gator.core.metrics import Totals
from gator.spec.contracts import contract_of
from gator.v1 import common_pb2, event_pb2, spec_pb2

OUT = common_pb2.STREAM_STDOUT
ERR = common_pb2.STREAM_STDERR


def facts(expect: spec_pb2.Expect, output: bytes = b"", **ended: Any) -> AttemptFacts:
    expectations = Expectations(expect)
    # Blocks end anywhere, but observers get whole lines.
    for number, line in enumerate(output.splitlines(keepends=True), 1):
        expectations.on_lines(OUT, number, line)
    found = AttemptFacts(exit_code=0, expectations=expectations)
    for name, value in ended.items():
        setattr(found, name, value)
    return found


def verdict(expect: spec_pb2.Expect, output: bytes = b"", **ended: Any) -> Verdict:
    return judge(facts(expect, output, **ended), spec_pb2.Limits())


@pytest.mark.parametrize(
    ("expect", "ended", "message"),
    [
        (spec_pb2.Expect(exit_codes=[0, 3]), {"exit_code": 3}, ""),
        (spec_pb2.Expect(exit_codes=[0, 3]), {"exit_code": 0}, ""),
        (spec_pb2.Expect(exit_codes=[0, 3]), {"exit_code": 2}, "exited with code 2 where 0 or 3 is expected"),
        (spec_pb2.Expect(exit_codes=[3]), {"exit_code": 0}, "exited with code 0 where 3 is expected"),
        (
            spec_pb2.Expect(signals=[signal.SIGTERM]),
            {"exit_code": None, "signal": signal.SIGTERM},
            "",
        ),
        (
            spec_pb2.Expect(signals=[signal.SIGTERM], exit_codes=[3, 4]),
            {"exit_code": 0},
            "exited with code 0 where 3, 4 or signal 15 (SIGTERM) is expected",
        ),
        (
            spec_pb2.Expect(exit_codes=[3]),
            {"exit_code": None, "signal": signal.SIGSEGV},
            "killed by signal 11 (SIGSEGV) where 3 is expected",
        ),
        (spec_pb2.Expect(log=["x"]), {"exit_code": 1}, "exited with code 1"),
    ],
)
def test_exit_codes_and_signals_are_as_expected(
    expect: spec_pb2.Expect, ended: dict[str, Any], message: str
) -> None:
    assert verdict(expect, **ended).message == message


def test_an_attempt_that_was_stopped_or_timed_out_is_not_asked_for_its_end() -> None:
    expect = spec_pb2.Expect(signals=[signal.SIGTERM])
    found = verdict(expect, exit_code=None, signal=signal.SIGTERM, timeout_nanos=10**9)
    assert found.reason == common_pb2.REASON_TIMEOUT


def test_each_pattern_of_log_needs_a_line() -> None:
    expect = spec_pb2.Expect(log=["^DONE$", "passed: \\d+", "never"])
    output = b"x DONE\n\x1b[32mDONE\x1b[0m  \r\npassed: 7\n"
    found = verdict(expect, output)
    assert (found.reason, found.message) == (
        common_pb2.REASON_PATTERN,
        "wrote no line of the expected pattern never",
    )
    assert verdict(spec_pb2.Expect(log=expect.log[:2]), output).outcome == common_pb2.OUTCOME_PASSED
    assert verdict(expect, b"").message == (
        "wrote no line of the expected pattern ^DONE$, nor of 2 more patterns"
    )


def test_a_line_of_not_log_fails_and_explains_the_failure() -> None:
    given = facts(spec_pb2.Expect(not_log=["nothing", "X+ warn"]), b"a\n  XX warning  \nX warn\n")
    found = judge(given, spec_pb2.Limits())
    assert found.reason == common_pb2.REASON_PATTERN
    assert found.message == "wrote a line that `not_log: X+ warn` forbids: XX warning"
    choice = explanation(found, given)
    assert choice is not None
    assert (choice.shown.text, choice.shown.line, choice.shown.stream) == ("  XX warning", 2, OUT)


def test_contracts_are_checked_last_and_no_message_explains_them() -> None:
    expect = spec_pb2.Expect(contracts=[contract_of("coverage", "value", ">= 80")])
    given = facts(expect)
    totals = Totals()
    totals.add(event_pb2.Metric(name="coverage", value=79, unit="%"))
    assert given.expectations is not None
    given.expectations.check(totals.total)
    found = judge(given, spec_pb2.Limits())
    assert (found.reason, found.message) == (
        common_pb2.REASON_METRIC,
        "the metric coverage is 79 % where >= 80 is expected",
    )
    assert explanation(found, given) is None
    contracts = given.expectations.contracts
    assert contracts is not None
    assert [result.value for result in contracts.list] == [79]
