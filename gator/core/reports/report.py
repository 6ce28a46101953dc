"""The totals and failures in a test report."""

import re
from functools import cache
from typing import Final

from msgspec import Struct, field

MAX_FAILURES: Final = 10_000
"""Maximum number of failures of a report that are kept; further ones are only counted."""
MAX_TEXT: Final = 8_000
"""Maximum number of characters of the text of a failure."""


class Failure(Struct):
    """A test that failed."""

    name: str
    message: str = ""
    """The line that says why."""
    text: str = ""
    """Everything that the report says of it."""
    code: str = ""
    """Type of the exception; empty if it is not known."""
    file: str = ""
    line: int = 0
    """Line in the file, from 1; 0 if it is not known."""


class Report(Struct):
    """Totals and failures of one report."""

    format: str
    """Name of its format; empty if the file is empty."""
    tests: int = 0
    failures: int = 0
    skipped: int = 0
    failed: list[Failure] = field(default_factory=list[Failure])
    """The failures that are kept, in their order."""
    problem: str = ""
    """Why the report could not be read to its end; empty if it could."""

    def fail(self, failure: Failure) -> None:
        """Adds a test that failed."""
        self.failures += 1
        if len(self.failed) < MAX_FAILURES:
            self.failed.append(failure)


class ReportFile(Struct):
    """A file with a report that a job names, or the lack of one."""

    required: bool
    """Whether a problem is an error."""
    report: Report | None = None
    problem: str = ""
    """Why it was not read, or not to its end; empty if it was."""


def complete(failure: Failure) -> Failure:
    """Sets what is missing in a failure from its text: the message and the place."""
    lines = [line.strip() for line in failure.text.splitlines() if line.strip()]
    if not failure.message and lines:
        # pytest shows the source first, and marks the lines of the exception.
        marked = (line[1:].strip() for line in lines if line.startswith("E   "))
        failure.message = next(marked, lines[0])
    if not (failure.file and failure.line):
        location = _place_in(failure.text, failure.name)
        if location is not None and (not failure.file or _same_file(failure.file, location[0])):
            failure.file, failure.line = failure.file or location[0], int(location[1][:9])
    return failure


def _same_file(one: str, other: str) -> bool:
    return one.rpartition("/")[2] == other.rpartition("/")[2]


_PLACES: Final = (
    # pytest, go, Catch2 and compilers: the last such line is the assertion.
    (r"^\s*(\S+\.\w+):(\d+)(?::\d+)?: ", -1),
    (r"^\s*(\S+_test\.go):(\d+) \+0x", 0),
    (r'^\s*File "([^"]+)", line (\d+)', -1),
    (r"\(([\w$]+\.(?:java|kt|scala|groovy)):(\d+)\)", 0),
    (r"\(?([^\s()]+\.[cm]?[jt]sx?):(\d+):\d+\)?", 0),
    (r"\bat (\S+) line (\d+)\.?", 0),
    (r"^\s*(\S+\.(?:cc|cpp|cxx|c|h|hpp|rs)):(\d+)", 0),
)
"""Patterns of places in strings, and which of several matches counts."""


def _place_in(text: str, name: str) -> tuple[str, str] | None:
    for pattern, which in _PLACES:
        places = _compiled(pattern).findall(text)
        if places:
            # The frames of assertion libraries come before that of the test.
            own = [place for place in places if place[0].rpartition("/")[2].partition(".")[0] in name]
            return own[which] if own else places[which]
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)
