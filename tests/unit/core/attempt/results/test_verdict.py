"""The verdict on one attempt: which reason wins, and what people are told."""

import pytest

from gator.core.attempt.results.verdict import AttemptFacts, explanation, judge, limit_advice
from gator.core.attempt.severity import Messages
from gator.core.causes.first_error import Candidate
from gator.v1 import common_pb2, event_pb2, spec_pb2

_NO_LIMITS = spec_pb2.Limits()


def _facts(**changes: object) -> AttemptFacts:
    facts = AttemptFacts(exit_code=0)
    for name, value in changes.items():
        setattr(facts, name, value)
    return facts


def _messages(*messages: tuple[common_pb2.Severity.ValueType, str]) -> Messages:
    made = Messages()
    for number, (severity, text) in enumerate(messages, 1):
        made.add(severity, counts=True)
        message = event_pb2.ErrorMessage(severity=severity, text=text, line=number)
        made.offer(Candidate.of(spec_pb2.PARSER_RANK_CAUSE, message), counts=True)
    return made


def test_an_exit_code_of_0_without_errors_passes() -> None:
    verdict = judge(_facts(), _NO_LIMITS)
    assert verdict.outcome == common_pb2.OUTCOME_PASSED
    assert verdict.message == ""


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"stop": (0, "")}, common_pb2.OUTCOME_CANCELLED, common_pb2.REASON_CANCELLED),
        ({"lost": "no pids"}, common_pb2.OUTCOME_LOST, common_pb2.REASON_LOST),
        ({"timeout_nanos": 5_000_000_000}, common_pb2.OUTCOME_FAILED, common_pb2.REASON_TIMEOUT),
        ({"memory": (2**31, 2**30)}, common_pb2.OUTCOME_FAILED, common_pb2.REASON_MEMORY),
        ({"not_started": "no such program"}, common_pb2.OUTCOME_FAILED, common_pb2.REASON_NOT_STARTED),
        ({"exit_code": None, "signal": 11}, common_pb2.OUTCOME_FAILED, common_pb2.REASON_SIGNAL),
        ({"exit_code": 3}, common_pb2.OUTCOME_FAILED, common_pb2.REASON_EXIT),
        (
            {"messages": _messages((common_pb2.SEVERITY_ERROR, "bad"))},
            common_pb2.OUTCOME_FAILED,
            common_pb2.REASON_LIMIT,
        ),
    ],
)
def test_the_first_reason_that_holds_wins(
    changes: dict[str, object],
    outcome: common_pb2.Outcome.ValueType,
    reason: common_pb2.Reason.ValueType,
) -> None:
    worse_first: list[dict[str, object]] = [
        {"messages": _messages((common_pb2.SEVERITY_CRITICAL, "worse"))},
        {"exit_code": 1},
        {"exit_code": None, "signal": 9},
        {"not_started": "x"},
        {"memory": (2, 1)},
        {"timeout_nanos": 1},
        {"lost": "x"},
    ]
    names = [set(other) for other in worse_first]
    later = worse_first[: names.index(set(changes))] if set(changes) in names else worse_first
    combined = {name: value for other in reversed(later) for name, value in other.items()} | changes
    for facts in (_facts(**changes), _facts(**combined)):
        verdict = judge(facts, _NO_LIMITS)
        assert (verdict.outcome, verdict.reason) == (outcome, reason)
        assert verdict.message


def test_an_exit_code_and_a_signal_are_named() -> None:
    assert judge(_facts(exit_code=3), _NO_LIMITS).message == "exited with code 3"
    killed = judge(_facts(exit_code=None, signal=11), _NO_LIMITS)
    assert killed.message == "killed by signal 11 (SIGSEGV)"


def test_a_kill_while_the_kernel_was_short_of_memory_says_so() -> None:
    verdict = judge(_facts(exit_code=None, signal=9, out_of_memory=True), _NO_LIMITS)
    assert verdict.message.startswith("killed by signal 9 (SIGKILL), perhaps out of memory")
    verdict = judge(_facts(exit_code=137, out_of_memory=True), _NO_LIMITS)
    assert "perhaps out of memory" in verdict.message


def test_an_end_that_nobody_saw_is_lost() -> None:
    verdict = judge(AttemptFacts(unkillable="could not be killed within 5s: x"), _NO_LIMITS)
    assert verdict.outcome == common_pb2.OUTCOME_LOST
    assert "could not be killed" in verdict.message


def test_too_many_messages_are_told_in_one_sentence() -> None:
    messages = _messages((common_pb2.SEVERITY_ERROR, "bad 1"), (common_pb2.SEVERITY_ERROR, "bad 2"))
    verdict = judge(_facts(messages=messages), spec_pb2.Limits(error=1))
    assert verdict.message == "2 errors where 1 is allowed, the first: bad 1"
    assert judge(_facts(messages=messages), spec_pb2.Limits(error=2)).outcome == common_pb2.OUTCOME_PASSED
    assert judge(_facts(messages=messages), spec_pb2.Limits(error=-1)).outcome == common_pb2.OUTCOME_PASSED


def test_an_empty_message_is_not_quoted() -> None:
    verdict = judge(_facts(messages=_messages((common_pb2.SEVERITY_ERROR, ""))), spec_pb2.Limits())
    assert verdict.message == "1 error where 0 are allowed"


def test_warnings_are_allowed_unless_limited() -> None:
    messages = _messages((common_pb2.SEVERITY_WARNING, "hm"))
    assert judge(_facts(messages=messages), _NO_LIMITS).outcome == common_pb2.OUTCOME_PASSED
    verdict = judge(_facts(messages=messages), spec_pb2.Limits(warning=0))
    assert verdict.reason == common_pb2.REASON_LIMIT
    choice = explanation(verdict, _facts(messages=messages))
    assert choice is not None
    assert choice.shown.text == "hm"


def test_the_first_message_that_is_bad_enough_speaks_for_a_failure() -> None:
    messages = _messages(
        (common_pb2.SEVERITY_INFO, "fine"),
        (common_pb2.SEVERITY_WARNING, "hm"),
        (common_pb2.SEVERITY_CRITICAL, "fire"),
        (common_pb2.SEVERITY_ERROR, "bad"),
    )
    facts = _facts(messages=messages, exit_code=1)
    choice = explanation(judge(facts, _NO_LIMITS), facts)
    assert choice is not None
    assert choice.shown.text == "fire"


def test_nothing_speaks_against_what_passed() -> None:
    messages = _messages((common_pb2.SEVERITY_ERROR, "allowed"))
    verdict = judge(_facts(messages=messages), spec_pb2.Limits(error=5))
    assert explanation(verdict, _facts(messages=messages)) is None


def _exceeded(first: event_pb2.ErrorMessage) -> str:
    first.severity = first.severity or common_pb2.SEVERITY_ERROR
    first.line = 3
    return limit_advice(event_pb2.Result(reason=common_pb2.REASON_LIMIT, first_error=first))


def test_an_exceeded_limit_has_the_advice_that_helps() -> None:
    assert (
        _exceeded(event_pb2.ErrorMessage(parser="gcc"))
        == "`limits: {error: none}` allows any number of such messages"
    )
    assert "critical: none" in _exceeded(event_pb2.ErrorMessage(severity=common_pb2.SEVERITY_CRITICAL))
    assert "leave out `stderr:`" in _exceeded(event_pb2.ErrorMessage(stream=common_pb2.STREAM_STDERR))


def test_messages_by_which_a_tool_says_that_it_failed_have_no_advice_to_allow_them() -> None:
    assert _exceeded(event_pb2.ErrorMessage(parser="uvm", decisive=True)) == ""
    assert limit_advice(event_pb2.Result(reason=common_pb2.REASON_EXIT)) == ""
    # A failure in a test report, or a message of the client, is in no line of the output.
    reported = event_pb2.ErrorMessage(severity=common_pb2.SEVERITY_ERROR, item="test_a.test_adds")
    assert limit_advice(event_pb2.Result(reason=common_pb2.REASON_LIMIT, first_error=reported)) == ""


def test_an_exit_code_of_timeout_is_explained() -> None:
    verdict = judge(AttemptFacts(exit_code=124), _NO_LIMITS)
    assert verdict.message == "exited with code 124 (as timeout says of a command that ran for too long)"
