"""Finds and reads the reports of tests that an attempt wrote.

Invariant: a file that was there before the attempt, and that the attempt has not written, is not read.
"""

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

from msgspec import Struct

from gator.core.reports import ReportFile, read_report
from gator.errors import reason_of
from gator.units import size_text

MAX_FILES: Final = 1_000
"""Maximum number of files that one glob may match."""
MAX_BYTES: Final = 64 << 20
"""Maximum size of one file."""
MAX_ALL_BYTES: Final = 256 << 20
"""Maximum size of all files of an attempt."""
_CHUNK_BYTES: Final = 1 << 18

_Identity: TypeAlias = tuple[int, int, int, int]


class WantedReport(Struct, frozen=True):
    """A path or glob of a job's reports."""

    shown: str
    """As it is written in the spec."""
    path: str
    """Absolute."""
    format: str
    required: bool


class ReportFiles:
    """The reports of one attempt; made before its process starts."""

    def __init__(self, wanted: Sequence[WantedReport]) -> None:
        self._wanted = wanted
        # Not the times of the files, because the clock of a file server may differ from that of the host.
        self._before = {path: _identity(path) for each in wanted for path in _paths(each)}
        self._left = MAX_ALL_BYTES

    def read(self) -> list[ReportFile]:
        """Returns what the files say, in the order of the spec and of their names."""
        return [file for each in self._wanted for file in self._read_each(each)]

    def _read_each(self, wanted: WantedReport) -> Iterator[ReportFile]:
        paths = _paths(wanted)
        if len(paths) >= MAX_FILES:
            problem = (
                f"the test report {wanted.shown} matches more files than the first {MAX_FILES:,}: narrow it"
            )
            yield ReportFile(wanted.required, problem=problem)
        fresh = [path for path in paths if _identity(path) != self._before.get(path)]
        for path in fresh:
            yield self._read_one(wanted, path)
        if fresh:
            return
        if paths:
            problem = f"the test report {wanted.shown} is older than the attempt and is not read"
        else:
            problem = f"there is no test report {wanted.shown}: the job did not write it"
        yield ReportFile(wanted.required, problem=problem)

    def _read_one(self, wanted: WantedReport, path: str) -> ReportFile:
        name = wanted.shown if path == wanted.path else path
        file = ReportFile(wanted.required)
        try:
            report = read_report(self._chunks(path), wanted.format)
        except OSError as error:
            file.problem = f"the test report {name} cannot be read: {reason_of(error)}"
            return file
        file.report = report
        if report.problem:
            what = f"is not valid {report.format}: {report.problem}" if report.format else report.problem
            file.problem = f"the test report {name} {what}"
        return file

    def _chunks(self, path: str) -> Iterator[bytes]:
        # A FIFO without a writer would block a blocking open.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise OSError("it is not a regular file")
            left = min(MAX_BYTES, self._left)
            if info.st_size > left:
                raise OSError(f"it has {size_text(info.st_size)}, and {size_text(left)} are read at most")
            while left > 0 and (piece := os.read(fd, min(_CHUNK_BYTES, left))):
                left -= len(piece)
                self._left -= len(piece)
                yield piece
        finally:
            os.close(fd)


def _paths(wanted: WantedReport) -> list[str]:
    """Returns the files that a path or glob names now, by name."""
    if not glob.has_magic(wanted.path):
        return [wanted.path] if os.path.exists(wanted.path) else []  # noqa: PTH110 - Path costs more
    # Path.glob has no absolute patterns.
    return sorted(islice(glob.iglob(wanted.path, recursive=True), MAX_FILES))  # noqa: PTH207


def _identity(path: str) -> _Identity | None:
    """Returns what changes when a file is written."""
    try:
        info = os.stat(path)  # noqa: PTH116 - Path costs more
    except OSError:
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns
