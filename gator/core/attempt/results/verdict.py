"""Decides the outcome of an attempt from facts.

Invariant: the reason is the first one that holds, in the order of `Reason`.
"""

import signal
from typing import TYPE_CHECKING

from msgspec import Struct, field

from gator.core.attempt.severity import NAMES, WORST_FIRST, Messages
from gator.core.causes.first_error import Choice
from gator.core.text import cut
from gator.units import limit_text, signal_name, size_text
from gator.v1 import common_pb2, event_pb2, spec_pb2

if TYPE_CHECKING:
    from gator.core.attempt.hang.evidence import Hang
    from gator.core.attempt.results.expectations import Expectations

_OUT_OF_MEMORY = "perhaps out of memory: the kernel ended a process for lack of it"

UNLIMITED = -1


class Verdict(Struct, frozen=True):
    """The outcome of an attempt."""

    outcome: common_pb2.Outcome.ValueType
    reason: common_pb2.Reason.ValueType = common_pb2.REASON_UNSPECIFIED
    message: str = ""
    severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_ERROR
    """Minimum severity of a message that explains the failure."""


class AttemptFacts(Struct):
    """The facts about an attempt that has ended."""

    stop: tuple[common_pb2.Reason.ValueType, str] | None = None
    """Reason and message of the order that stopped it; None if it was not stopped."""
    lost: str = ""
    """Message if it could not run for lack of resources; else empty."""
    hang: "Hang | None" = None
    """The silence that ended it; None if it was not silent for too long."""
    timeout_nanos: int = 0
    """The timeout that it exceeded; 0 if it did not."""
    memory: tuple[int, int] | None = None
    """Bytes of memory that it used and that were allowed; None if it did not exceed them."""
    not_started: str = ""
    """Message if it could not be started at all; else empty."""
    artefact: str = ""
    """The problem with the artefacts that it made; empty if there is none."""
    input: str = ""
    """The problem with the artefacts that it uses; empty if there is none."""
    hook: str = ""
    """The problem with the hook that runs before it; empty if there is none."""
    exit_code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False
    """Whether the kernel killed a process for lack of memory during the attempt."""
    unkillable: str = ""
    """Description of the processes that survived SIGKILL; else empty."""
    messages: Messages = field(default_factory=Messages)
    expectations: "Expectations | None" = None
    """The expectations of the spec; None if it expects nothing but exit code 0."""


def judge(facts: AttemptFacts, limits: spec_pb2.Limits) -> Verdict:
    """Returns the verdict on an attempt that ended with these facts."""
    verdict = (
        _stopped(facts)
        or _started(facts)
        or _ended(facts)
        or _without_pattern(facts.expectations)
        or _over_limit(facts.messages, limits)
        or _without_metric(facts.expectations)
        or _artefacts(facts)
    ) or Verdict(common_pb2.OUTCOME_PASSED)
    if facts.unkillable and verdict.outcome != common_pb2.OUTCOME_PASSED:
        return Verdict(
            verdict.outcome,
            verdict.reason,
            f"{verdict.message}; {facts.unkillable}",
            verdict.severity,
        )
    return verdict


def _stopped(facts: AttemptFacts) -> Verdict | None:
    if facts.stop is not None:
        reason, message = facts.stop
        return Verdict(
            common_pb2.OUTCOME_CANCELLED,
            reason or common_pb2.REASON_CANCELLED,
            message or "stopped on request",
        )
    if facts.lost:
        return Verdict(common_pb2.OUTCOME_LOST, common_pb2.REASON_LOST, facts.lost)
    if facts.hang is not None:
        where = f": {facts.hang.summary}" if facts.hang.summary else ""
        return _failed(
            common_pb2.REASON_HANG,
            f"no output for {limit_text(facts.hang.nanos)}{where}; raise `silence:` if it needs more",
        )
    if facts.timeout_nanos:
        limit = limit_text(facts.timeout_nanos)
        return _failed(
            common_pb2.REASON_TIMEOUT,
            f"ran longer than its timeout of {limit}; raise `timeout:` if it needs more",
        )
    if facts.memory is not None:
        used, allowed = facts.memory
        advice = "raise `!Memory` or leave out `enforce`"
        if used <= allowed:
            # The kernel lets no attempt exceed its limit.
            text = f"needed more than the {size_text(allowed)} of memory that are allowed; "
            return _failed(common_pb2.REASON_MEMORY, f"{text}{advice}")
        text = f"used {size_text(used)} of memory where {size_text(allowed)} are allowed; "
        return _failed(common_pb2.REASON_MEMORY, f"{text}{advice}")
    return None


def _started(facts: AttemptFacts) -> Verdict | None:
    if facts.not_started:
        return _failed(common_pb2.REASON_NOT_STARTED, facts.not_started)
    if facts.input:
        return _failed(common_pb2.REASON_ARTEFACT, facts.input)
    if facts.hook:
        return _failed(common_pb2.REASON_HOOK, facts.hook)
    return None


def _ended(facts: AttemptFacts) -> Verdict | None:
    expected = facts.expectations
    if expected is not None and expected.permits(facts.exit_code, facts.signal):
        return None
    wanted = expected.wanted_end if expected is not None else ""
    wanted = f" where {wanted} is expected" if wanted else ""
    if facts.signal is not None:
        number = facts.signal
        hint = ""
        if facts.out_of_memory and number == signal.SIGKILL:
            hint = f", {_OUT_OF_MEMORY}"
        elif number == signal.SIGKILL:
            hint = ", not by Gator"
        return _failed(common_pb2.REASON_SIGNAL, f"killed by signal {signal_name(number)}{hint}{wanted}")
    if facts.exit_code or (wanted and facts.exit_code is not None):
        code = facts.exit_code
        hint = _exit_hint(code)
        if facts.out_of_memory and code == 128 + signal.SIGKILL:
            hint = f" ({_OUT_OF_MEMORY})"
        return _failed(common_pb2.REASON_EXIT, f"exited with code {code}{hint}{wanted}")
    if facts.exit_code is None:
        return Verdict(
            common_pb2.OUTCOME_LOST, common_pb2.REASON_LOST, facts.unkillable or "its end was not seen"
        )
    return None


def _artefacts(facts: AttemptFacts) -> Verdict | None:
    return _failed(common_pb2.REASON_ARTEFACT, facts.artefact) if facts.artefact else None


def _without_pattern(expected: "Expectations | None") -> Verdict | None:
    problem = expected.pattern_problem if expected is not None else ""
    return _failed(common_pb2.REASON_PATTERN, problem) if problem else None


def _without_metric(expected: "Expectations | None") -> Verdict | None:
    problem = expected.contract_problem if expected is not None else ""
    return _failed(common_pb2.REASON_METRIC, problem) if problem else None


def _over_limit(messages: Messages, limits: spec_pb2.Limits) -> Verdict | None:
    for severity in WORST_FIRST:
        count = messages.counted(severity)
        if not count:
            continue
        allowed = allowed_messages(limits, severity)
        if allowed < 0 or count <= allowed:
            continue
        name = NAMES[severity]
        noun = name if count == 1 else f"{name}s"
        choice = messages.best_counted(severity)
        quoted = _quoted(choice.shown) if choice is not None else ""
        return Verdict(
            common_pb2.OUTCOME_FAILED,
            common_pb2.REASON_LIMIT,
            f"{count} {noun} where {allowed} {'is' if allowed == 1 else 'are'} allowed{quoted}",
            severity,
        )
    return None


def limit_advice(result: event_pb2.Result) -> str:
    """Returns what lets messages like the first one of an exceeded limit pass; empty if nothing should.

    Nothing should if the tool itself says that it failed, or if a test report or the client does.
    """
    first = result.first_error
    if not first.line:
        return ""
    if result.reason != common_pb2.REASON_LIMIT or first.decisive or first.severity not in WORST_FIRST:
        return ""
    if first.stream == common_pb2.STREAM_STDERR and not first.parser:
        return "leave out `stderr:` if lines on stderr are not errors"
    return f"`limits: {{{NAMES[first.severity]}: none}}` allows any number of such messages"


def _quoted(first: event_pb2.ErrorMessage) -> str:
    # The further lines of a message that is in no stream, such as that of a test report, are its details.
    whole = first.text if first.stream else first.text.split("\n", 1)[0]
    text = cut(" ".join(whole.split()), 200)
    return f", the first: {text}" if text else ""


def without_quote(message: str, first: event_pb2.ErrorMessage) -> str:
    """Returns the sentence about an exceeded limit for readers who have seen its first message."""
    return message.replace(_quoted(first), "", 1)


def allowed_messages(limits: spec_pb2.Limits, severity: common_pb2.Severity.ValueType) -> int:
    """Returns the maximum number of messages of a severity that an attempt may have; -1 for any number."""
    if severity == common_pb2.SEVERITY_WARNING:
        return limits.warning if limits.HasField("warning") else UNLIMITED
    if severity == common_pb2.SEVERITY_ERROR:
        return limits.error if limits.HasField("error") else 0
    if severity == common_pb2.SEVERITY_CRITICAL:
        return limits.critical if limits.HasField("critical") else 0
    return UNLIMITED


def _failed(reason: common_pb2.Reason.ValueType, message: str) -> Verdict:
    return Verdict(common_pb2.OUTCOME_FAILED, reason, message)


def _exit_hint(code: int) -> str:
    if code == 124:
        return " (as timeout says of a command that ran for too long)"
    if code == 126:
        return " (as a shell says of a command that may not be executed)"
    if code == 127:
        return " (as a shell says of a command that was not found, and the loader of a missing library)"
    if 128 < code < 128 + signal.NSIG:
        return f" (as a shell says of signal {signal_name(code - 128)})"
    return ""


def explanation(verdict: Verdict, facts: AttemptFacts) -> Choice | None:
    """Returns the message that explains a failure; None if the attempt passed, or wrote nothing."""
    if verdict.outcome in (common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_CANCELLED):
        return None
    if verdict.reason == common_pb2.REASON_PATTERN and facts.expectations is not None:
        line = facts.expectations.forbidden
        return Choice(line.message, line.message) if line is not None else None
    if verdict.reason == common_pb2.REASON_METRIC:
        # No message of the job explains a value.
        return None
    if not facts.exit_code:
        # A program that a traceback ended does not return 0.
        facts.messages.final = None
    choice = facts.messages.best(verdict.severity)
    if facts.hang is not None and facts.hang.summary and (choice is None or choice.is_last_words):
        return _where_it_hangs(facts.hang, choice.shown if choice is not None else None)
    return choice


def _where_it_hangs(hang: "Hang", last_words: event_pb2.ErrorMessage | None) -> Choice:
    """Returns the place of a hang, with the last words of the attempt, as its explanation.

    It has no line: no line of the output says where the processes wait.
    """
    words = hang.last_words or last_words
    shown, signing = event_pb2.ErrorMessage(severity=common_pb2.SEVERITY_ERROR), event_pb2.ErrorMessage()
    shown.text, shown.message, signing.message = hang.summary, hang.summary, hang.place
    if words is not None:
        shown.text = f"{hang.summary}\n{words.text}"
        signing.message = f"{hang.place}: {words.message}"
        signing.stream, signing.line = words.stream, words.line
    return Choice(shown, signing)
