"""The tests that failed in one attempt. Each of them is a cause of its own.

A job that runs many tests has one first error and one signature. Without its other tests, a new failure
of one of them would hide behind a known one.

Invariant: the number of tests that are kept is bounded, and further ones are counted.
"""

import re
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct, field

from gator.core.causes.first_error import Choice, Key, key_of
from gator.core.causes.shown import shown_line
from gator.core.causes.signature import BY_SENTENCE, signature_from
from gator.core.outcomes import FAILURES
from gator.core.text import cut
from gator.v1 import event_pb2, query_pb2, spec_pb2

MAX_TESTS: Final = 100
"""Maximum number of failed tests of an attempt that are kept."""
_MAX_SHOWN: Final = 300
"""Maximum number of characters of the line that displays show of a test."""


_MARKS: Final = (".", "/", "› ", "> ")
"""Marks between the name of a test and what it is in."""

_Errors: TypeAlias = dict[str, tuple[Key, event_pb2.ErrorMessage]]


class _Named(Struct):
    """The first message about each test, by its name."""

    errors: _Errors = field(default_factory=_Errors)
    left_out: int = 0

    def wants(self, test: str, key: Key) -> bool:
        """Returns whether a message would be kept; counts one for which there is no room."""
        if test in self.errors:
            return key < self.errors[test][0]
        if len(self.errors) < MAX_TESTS:
            return True
        self.left_out += 1
        return False


class FailingTests:
    """Collects the messages about failed tests."""

    __slots__ = ("_by_rank", "_reported")

    def __init__(self) -> None:
        self._by_rank: dict[int, _Named] = {}
        """Those in the output. Many test runners first explain a failure, and list its test later."""
        self._reported = _Named()
        """Those in test reports. These have all tests, so the output does not matter."""

    def wants(self, test: str, key: Key) -> bool:
        """Returns whether a message in the output would be kept, so that others need not be made."""
        return self._by_rank.setdefault(key[0], _Named()).wants(test, key)

    def add(self, key: Key, error: event_pb2.ErrorMessage) -> None:
        """Stores a message in the output that is wanted."""
        self._by_rank[key[0]].errors[error.item] = key, error

    def report(self, number: int, error: event_pb2.ErrorMessage) -> None:
        """Adds the failure of a test in a report; `number` is its place among all of them."""
        key = key_of(spec_pb2.PARSER_RANK_CAUSE, error.stream, number)
        if self._reported.wants(error.item, key):
            self._reported.errors[error.item] = key, error

    def errors(self) -> tuple[list[event_pb2.ErrorMessage], int]:
        """Returns the first message about each failed test, and the number of tests that are left out."""
        by_test, left_out = self._reported.errors, self._reported.left_out
        for rank, named in sorted(self._by_rank.items()) if not by_test else ():
            if rank < spec_pb2.PARSER_RANK_CONSEQUENCE or not by_test:
                by_test = by_test | _others(named.errors, by_test)
                left_out = max(left_out, named.left_out)
        errors = [
            error
            for test, (_, error) in sorted(by_test.items(), key=lambda each: each[1][0])
            if not any(other.startswith(f"{test}/") for other in by_test)
        ]
        return errors[:MAX_TESTS], left_out + max(len(errors) - MAX_TESTS, 0)


def _others(listed: _Errors, explained: _Errors) -> _Errors:
    """Returns the listed tests that are not among those that were explained."""
    names = list(map(_full_name, explained))
    return {
        test: entry
        for test, entry in listed.items()
        if not any(_is_same(_full_name(test), name) for name in names)
    }


def _full_name(test: str) -> str:
    """Returns the name of a test in the form in which names are compared: its class first, then dots."""
    return re.sub(r"^(\w+)\(([\w.$]+)\)$", r"\2.\1", test.replace("::", "."))


def _is_same(one: str, other: str) -> bool:
    """Returns whether two names are of one test. Often one of them has the file or class in front."""
    short, long = sorted((one, other), key=len)
    return long == short or long.endswith(tuple(f"{mark}{short}" for mark in _MARKS))


def add_failed_tests(end: event_pb2.AttemptFinished, choice: Choice | None, tests: FailingTests) -> None:
    """Adds to the signed end of an attempt the tests that failed, if there are several causes."""
    errors, left_out = tests.errors()
    if not errors or end.outcome not in FAILURES or end.reason in BY_SENTENCE:
        return
    signed = [(_signature_of(error, end.failure_inputs), error) for error in errors]
    if all(signature != end.signature for signature, _ in signed):
        shown = choice.shown if choice is not None else event_pb2.ErrorMessage(text=end.message)
        # The first error explains one of the tests, or something else, such as a crash between tests.
        at = next((at for at, error in enumerate(errors) if _is_about(choice, error)), None)
        signed[slice(0, 0) if at is None else slice(at, at + 1)] = [(end.signature, shown)]
    by_signature: dict[str, event_pb2.ErrorMessage] = {}
    for signature, error in signed:
        by_signature.setdefault(signature, error)
    if len(by_signature) > 1:
        end.failed_tests.left_out = left_out
        for signature, error in by_signature.items():
            end.failed_tests.list.add(signature=signature, error=_shortened(error))


def _is_about(choice: Choice | None, error: event_pb2.ErrorMessage) -> bool:
    """Returns whether the first error explains the failure of this test."""
    if choice is None:
        return False
    own = choice.signing
    if own.item:
        return _is_same(_full_name(own.item), _full_name(error.item))
    return own.parser == error.parser


def sign_tests_again(end: event_pb2.AttemptFinished, before: str) -> None:
    """Replaces signatures of failed tests by those of this version; `before` is the attempt's former one."""
    for test in end.failed_tests.list:
        is_own = test.signature == before
        test.signature = end.signature if is_own else _signature_of(test.error, end.failure_inputs)


def _signature_of(error: event_pb2.ErrorMessage, inputs: event_pb2.FailureInputs) -> str:
    of_test = event_pb2.FailureInputs(
        reason=inputs.reason,
        parser=error.parser,
        code=error.code,
        message=error.message or error.text,
        file=error.file,
        item=error.item,
    )
    if inputs.HasField("exit_code"):
        of_test.exit_code = inputs.exit_code
    if inputs.HasField("signal"):
        of_test.signal = inputs.signal
    return signature_from(of_test)


def _shortened(error: event_pb2.ErrorMessage) -> event_pb2.ErrorMessage:
    """Returns a message with one line of text, so that a hundred of them are small."""
    short = event_pb2.ErrorMessage()
    short.CopyFrom(error)
    short.text = cut(shown_line(error), _MAX_SHOWN)
    return short


Failed = TypeVar("Failed", query_pb2.Node, event_pb2.Result)


def causes_in(failed: Failed) -> list[Failed]:
    """Returns a failed job once for each of its causes, with the signature and first error of this cause."""
    if not failed.failed_tests.list:
        return [failed]
    causes: list[Failed] = []
    for test in failed.failed_tests.list:
        one = type(failed)()
        one.CopyFrom(failed)
        one.ClearField("failed_tests")
        causes.append(one)
        if test.signature == failed.signature:
            continue
        one.signature = test.signature
        one.first_error.CopyFrom(test.error)
        if isinstance(one, query_pb2.Node):
            one.former_signature, one.cause_line = "", ""
            one.cause, one.ticket = test.cause, test.ticket
    return causes
