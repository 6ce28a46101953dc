"""The plan and the tests of the Test Anything Protocol in one stream.

A line that begins with `not ok 3` is not a failed test by itself: people write such lines too. It is one in a
stream that has a plan, a version or another test.
"""

import re
from typing import Final

from gator.core.causes.first_error import Candidate
from gator.parsers import Recognised
from gator.v1 import common_pb2, event_pb2, spec_pb2

TAP: Final = "tap"
"""Name of the parser of TAP."""
_PLAN = re.compile(rb"^1\.\.(\d{1,9})[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_TEST = re.compile(rb"^(?:not )?ok\b(?:[ \t]+(\d{1,9})\b)?", re.MULTILINE)


class TapStream:
    """Finds out whether a stream is TAP, and whether all planned tests ran."""

    __slots__ = ("_has_version", "_highest", "_plans", "_tests", "waiting")

    def __init__(self) -> None:
        self._plans: list[int] = []
        self._has_version = False
        self._tests = self._highest = 0
        self.waiting: list[Recognised] = []
        """Failed tests, if nothing else says yet that the stream is TAP."""

    def feed(self, data: bytes) -> None:
        """Reads complete lines."""
        if b"1.." in data:
            self._plans += [int(plan) for plan in _PLAN.findall(data)[: 2 - len(self._plans)]]
        if not self._has_version:
            self._has_version = data.startswith(b"TAP version ") or b"\nTAP version " in data
        if data.startswith((b"ok", b"not ok")) or b"\nok" in data or b"\nnot ok" in data:
            numbers = _TEST.findall(data)
            self._tests += len(numbers)
            self._highest = max(self._highest, max((int(each) for each in numbers if each), default=0))

    def confirms(self, message: Recognised) -> bool:
        """Returns whether a decisive message counts; a failed test that does not count yet waits."""
        if message.entry.parser != TAP or self.is_tap or not message.lines[0].startswith("not ok"):
            return True
        self.waiting.append(message)
        return False

    @property
    def is_tap(self) -> bool:
        """Whether a failed test of the stream is one of TAP."""
        return bool(self._plans) or self._has_version or self._tests > 1

    @property
    def missing(self) -> str:
        """Text that says that fewer tests ran than were planned; empty if all ran.

        A stream with several plans has the output of several programs, and is not counted.
        """
        if len(self._plans) != 1 or not self._tests:
            return ""
        ran = max(self._tests, self._highest)
        return f"planned {self._plans[0]} tests, but ran {ran}" if ran < self._plans[0] else ""


def missing_tests(stream: common_pb2.Stream.ValueType, text: str) -> Candidate:
    """Returns the message that planned tests did not run."""
    message = event_pb2.ErrorMessage(
        severity=common_pb2.SEVERITY_ERROR, text=text, message=text, stream=stream, parser=TAP, decisive=True
    )
    return Candidate.of(spec_pb2.PARSER_RANK_CONSEQUENCE, message)
