"""Reads the Test Anything Protocol, versions 12 to 14."""

import re
from collections.abc import Iterable
from typing import Final

from gator.core.reports.report import MAX_TEXT, Failure, Report, complete

_TEST: Final = r"^(not )?ok\b(?: +(\d+))?(?: *-)? *(.*?)(?:(?<!\\)#\s*(skip|todo)\S*\s*(.*))?$"
_FIELD: Final = (
    r"^\s+(message|at|location|file|line|severity|found|wanted|expected|actual|error|code)\s*:\s*(.+?)\s*$"
)

_PLACE: Final = r"""([^\s()'"]+?):(\d{1,9})(?::\d+)?\)?$"""
"""The end of `at` with a file and a line, perhaps with a column: `t.c:17`, `Test.run (/a/t.js:3:5)`."""


class _Reader:
    """Reads the lines of one file."""

    def __init__(self) -> None:
        self.report = Report("tap")
        self._test = re.compile(_TEST, re.IGNORECASE)
        self._field = re.compile(_FIELD)
        self._place = re.compile(_PLACE)
        self._bad: Failure | None = None
        self._planned = -1
        self._is_bailed = False

    def line(self, line: str) -> None:
        """Handles the next line. Those of subtests are indented, and their test has a line of its own."""
        if line.startswith(("ok", "not ok")) and (match := self._test.match(line)):
            self._close()
            self._take(match)
        elif line.startswith("1..") and self._planned < 0:
            self._planned = int(re.sub(r"\D.*", "", line[3:])[:9] or 0)
        elif line.startswith("Bail out!"):
            self._close()
            self._is_bailed = True
            self.report.fail(Failure("Bail out!", message=line[9:].strip() or "the tests were ended"))
        elif self._bad is not None and line.startswith((" ", "#")):
            self._explain(self._bad, line)

    def _take(self, match: re.Match[str]) -> None:
        self.report.tests += 1
        failed, number, name, directive = match[1], match[2], match[3].strip(), (match[4] or "").lower()
        if directive == "skip":
            self.report.skipped += 1
        elif failed and not directive:
            self._bad = Failure(name or f"test {number or self.report.tests}")

    def _explain(self, bad: Failure, line: str) -> None:
        if len(bad.text) < MAX_TEXT and line.strip() not in ("---", "..."):
            bad.text += f"{line.removeprefix('#')[:MAX_TEXT]}\n"
        match = self._field.match(line)
        if match is None:
            return
        value = match[2].strip("'\"")
        if match[1] in ("message", "error") and not bad.message and value not in ("|", ">", "|-", ">-"):
            bad.message = value
        elif match[1] == "file":
            bad.file = value
        elif match[1] == "line" and value.isdecimal():
            bad.line = int(value[:9])
        elif match[1] in ("at", "location") and not bad.file and (place := self._place.search(value)):
            bad.file, bad.line = place[1], int(place[2])

    def _close(self) -> None:
        bad, self._bad = self._bad, None
        if bad is None:
            return
        lines = [line.strip() for line in bad.text.splitlines()]
        # Runners of Perl repeat the name of the test before they say what differs.
        telling = [line for line in lines if line and not line.startswith(("Failed test", "at "))]
        bad.message = bad.message or (telling[0] if telling else "not ok")
        self.report.fail(complete(bad))

    def end(self) -> Report:
        """Returns the report; a plan that was not carried out is a failure."""
        self._close()
        report = self.report
        if self._planned < 0 and not report.tests:
            report.problem = "it has no line of TAP"
        elif 0 <= self._planned != report.tests and not self._is_bailed:
            report.fail(
                Failure("plan", message=f"{self._planned} tests were planned and {report.tests} were run")
            )
        return report


def read_tap(lines: Iterable[bytes]) -> Report:
    """Returns the report in the lines of a file."""
    reader = _Reader()
    for line in lines:
        reader.line(line.decode("utf-8", "backslashreplace").rstrip())
    return reader.end()
