"""Reads JUnit's XML, as nearly all test runners write it."""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from xml.parsers import expat

from gator.core.reports.report import MAX_TEXT, Failure, Report, complete

MAX_DEPTH: Final = 100
"""Maximum depth of elements."""
_SUITES: Final = frozenset({"testsuites", "testsuite", "assemblies", "testrun"})
_CONTROLS: Final = bytes(code for code in range(32) if code not in b"\t\n\r")
_FORBIDDEN: Final = re.compile(
    rb"(?:\x1b|&#(?:27|x1[bB]);)\[[0-9;]*[A-Za-z]|&#(?:x0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F])|0*(?:[0-8]|1[1245-9]|2[0-9]|3[01]));"
)
"""Colours, and references to control characters."""


class _RefusedError(Exception):
    """The file has something that no report needs."""


class _Reader:
    """Reads the elements of one file."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._depth = 0
        self._case: dict[str, str] | None = None
        self._bad: Failure | None = None
        self._is_skipped = False
        self._text: list[str] | None = None
        self._size = 0
        self._suites: list[dict[str, str]] = []
        """The suites around an element; empty attributes for one whose tests are listed."""
        self.root = ""
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        # Entities can only be defined in a document type, and expand to any size.
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        raise _RefusedError("it has a document type, which no report needs")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _RefusedError(f"its elements are more than {MAX_DEPTH} deep")
        name = name.rpartition(":")[2]
        if not self.root:
            self.root = name
            if name not in _SUITES:
                raise _RefusedError(f"its root is <{name[:40]}>, not <testsuites>")
        if name in ("testsuite", "testsuites"):
            self._list_tests()
            self._suites.append(attributes)
        elif name == "testcase":
            self._list_tests()
            self._case, self._bad, self._is_skipped = attributes, None, False
        elif self._case is not None and name in ("failure", "error") and self._bad is None:
            self._bad = Failure(
                name=_name(self._case),
                message=_first_line(attributes.get("message", "")),
                text=attributes.get("message", "")[:MAX_TEXT],
                code=attributes.get("type", "")[:200],
                file=self._case.get("file", ""),
                line=_number(self._case.get("line", "")),
            )
            self._text, self._size = [], 0
        elif self._case is not None and name == "skipped":
            self._is_skipped = True

    def _list_tests(self) -> None:
        """Records that the totals of the suites around an element are those of what is in them."""
        self._suites = [{} for _ in self._suites]

    def _end_suite(self) -> None:
        """Adds the totals of a suite whose tests are not listed."""
        totals = self._suites.pop()
        failed = _number(totals.get("failures", "")) + _number(totals.get("errors", ""))
        tests = max(_number(totals.get("tests", "")), failed)
        self._report.tests += tests
        self._report.skipped += _number(totals.get("skipped", ""))
        if failed:
            name = totals.get("name", "") or self.root
            self._report.fail(
                Failure(name, message=f"{failed} of {tests} tests failed, which are not listed")
            )
            self._report.failures += failed - 1

    def _characters(self, text: str) -> None:
        if self._text is not None and self._size < MAX_TEXT:
            self._text.append(text[: MAX_TEXT - self._size])
            self._size += len(text)

    def _end(self, name: str) -> None:
        self._depth -= 1
        name = name.rpartition(":")[2]
        if name in ("failure", "error") and self._text is not None and self._bad is not None:
            self._bad.text = "".join(self._text).strip("\n") or self._bad.text
            self._text = None
        elif name in ("testsuite", "testsuites") and self._suites:
            self._end_suite()
        elif name == "testcase" and self._case is not None:
            self._report.tests += 1
            if self._bad is not None:
                self._report.fail(complete(self._bad))
            elif self._is_skipped:
                self._report.skipped += 1
            self._case = None


def read_junit(chunks: Iterable[bytes]) -> Report:
    """Returns the report in the pieces of a file."""
    report = Report("junit")
    reader = _Reader(report)
    try:
        for chunk in _without_controls(chunks):
            reader.parser.Parse(chunk, False)
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        report.problem = f"line {error.lineno}: {expat.ErrorString(error.code)}"
    except (_RefusedError, ValueError) as error:
        report.problem = str(error)
    return report


def _without_controls(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields pieces of a file without control characters, which XML forbids and test runners write."""
    is_wide = False
    for number, chunk in enumerate(chunks):
        is_wide = is_wide or (not number and chunk[:2] in (b"\xff\xfe", b"\xfe\xff"))
        yield chunk if is_wide else _FORBIDDEN.sub(b"", chunk).translate(None, _CONTROLS)


def _name(case: dict[str, str]) -> str:
    """Returns the full name of a test."""
    name, group = case.get("name", ""), case.get("classname", "")
    if not group or name == group or name.startswith((f"{group}.", f"{group}::", f"{group} ")):
        return name
    return f"{group}.{name}".rstrip(".")


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _number(text: str) -> int:
    return int(text[:9]) if text.isascii() and text.isdecimal() else 0
