"""Reads the output of `go test -json`: one event on each line."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from gator.core.reports.report import MAX_TEXT, Failure, Report, complete

_MAX_TESTS: Final = 200_000
"""Maximum number of tests whose output is kept until they end."""
_NOISE: Final = re.compile(r"^(?:=== |\s*--- |# |FAIL\b|ok\b|PASS\b|exit status)")


class _Reader:
    """Reads the events of one file."""

    def __init__(self) -> None:
        self.report = Report("go")
        self._output: dict[tuple[str, str], str] = {}
        self._parents: set[tuple[str, str]] = set()
        """Tests with a subtest that failed."""
        self._failing: set[str] = set()
        """Packages with a failure that is kept."""
        self._running: dict[tuple[str, str], None] = {}
        """Tests that have begun, in their order."""
        self._events = 0

    def event(self, event: dict[str, Any]) -> None:
        """Handles the next event."""
        action, test = str(event.get("Action", "")), str(event.get("Test", ""))
        package = str(event.get("Package", "") or event.get("ImportPath", ""))
        key = (package, test)
        self._events += bool(action)
        match action:
            case "run" if len(self._running) < _MAX_TESTS:
                self._running[key] = None
            case "output" | "build-output":
                kept = self._output.get(key, "")
                if len(kept) < MAX_TEXT and len(self._output) < _MAX_TESTS:
                    self._output[key] = (kept + str(event.get("Output", "")))[:MAX_TEXT]
            case "pass" | "skip" | "fail" if test:
                self._end(action, key)
            case "fail":
                self._end_package(package, str(event.get("FailedBuild", "")))
            case _:
                pass

    def _end(self, action: str, key: tuple[str, str]) -> None:
        output = self._output.pop(key, "")
        self._running.pop(key, None)
        package, test = key
        if key in self._parents:
            self._mark(package, test)
            return
        self.report.tests += 1
        if action == "skip":
            self.report.skipped += 1
        elif action == "fail":
            self._mark(package, test)
            self._failing.add(package)
            self.report.fail(_failure(f"{package}.{test}".lstrip("."), output))

    def _mark(self, package: str, test: str) -> None:
        """Records that the parent of a subtest fails because of it."""
        parent = test.rpartition("/")[0]
        if parent:
            self._parents.add((package, parent))

    def _end_package(self, package: str, build: str) -> None:
        """Records a package that failed: without a failed test it was not built, or panicked."""
        self._fail_running(package)
        output = self._output.pop((build, ""), "") + self._output.pop((package, ""), "")
        if package not in self._failing:
            failure = _failure(package or "go test", output)
            if build and not failure.message:
                failure.message = "build failed"
            self.report.fail(failure)

    def _fail_running(self, package: str | None) -> None:
        """Fails the last unfinished test of each package and drops the others; `package` None means all.

        The program has ended without them. The last test explains that: the others were waiting for it, or
        for their turn.
        """
        left = [key for key in self._running if package is None or key[0] == package]
        last = {name: (name, test) for name, test in left}
        for key in left:
            self._running.pop(key)
        for key in last.values():
            self._end("fail", key)

    def end(self) -> Report:
        """Returns the report. Tests that have not ended have failed: the output was cut off."""
        self._fail_running(None)
        if not self._events:
            self.report.problem = "it has no event of go test -json"
        return self.report


def read_go(lines: Iterable[bytes]) -> Report:
    """Returns the report in the lines of a file. Lines that are not events are left out."""
    reader = _Reader()
    for line in lines:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            reader.event(event)  # pyright: ignore[reportUnknownArgumentType]
    return reader.end()


def _failure(name: str, output: str) -> Failure:
    lines = [line for line in output.splitlines() if line.strip() and not _NOISE.match(line)]
    text = "\n".join(lines)
    failure = complete(Failure(name, text=text))
    # The place is a field of its own.
    failure.message = re.sub(r"^\S+\.go:\d+(?::\d+)?: ", "", failure.message)
    return failure
