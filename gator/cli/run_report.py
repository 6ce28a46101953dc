"""Reports the folder of a run and the problems of its spec to the process that called `gator.run`.

Invariant: without a file to report to, nothing is written or imported.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from gator.errors import Problem, SpecError

Report: TypeAlias = Mapping[str, object]

_file: int | None = None


def report_to(file: int) -> None:
    """Sets the file descriptor for reports. Processes that are started later do not inherit it."""
    global _file  # noqa: PLW0603 - one per process, set before anything else
    os.set_inheritable(file, False)
    _file = file


def report_folder(folder: Path) -> None:
    """Reports the folder of the run."""
    if _file is not None:
        _write({"folder": str(folder.absolute())})


def report_problems(error: SpecError) -> None:
    """Reports the problems of a spec, and its warnings."""
    if _file is not None:
        _write({"problems": _values(error.problems), "warnings": _values(error.warnings)})


def _values(problems: Iterable[Problem]) -> list[tuple[str, int, int, str]]:
    from gator.cli.secrets import hide_secrets

    return [(each.file, each.line, each.column, hide_secrets(each.message)) for each in problems]


def _write(report: Report) -> None:
    """Writes a line of JSON, in ASCII because the names of files may not be UTF-8."""
    import json

    if _file is not None:
        os.write(_file, json.dumps(report).encode("ascii") + b"\n")


def read_reports(data: bytes) -> tuple[Path | None, SpecError | None]:
    """Returns the folder and the problems of a spec that a process reported; None for what it did not."""
    import json

    folder: Path | None = None
    error: SpecError | None = None
    for line in data.splitlines():
        report = json.loads(line)
        if "folder" in report:
            folder = Path(report["folder"])
        else:
            error = SpecError(
                *([Problem(*values) for values in report[key]] for key in ("problems", "warnings"))
            )
    return folder, error
