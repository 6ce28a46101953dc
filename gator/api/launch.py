"""Starts runs of specs that are built in Python."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

from gator.api.results import Run
from gator.cli.installed_parsers import find_parser
from gator.cli.runs.find import found_runs
from gator.cli.tracking import tracking_root
from gator.errors import GatorError, Problem, SpecError, UsageError
from gator.spec import SpecNode, load_written, to_bytes

Option: TypeAlias = (
    str | int | float | bool | os.PathLike[str] | Sequence[object] | Mapping[str, object] | None
)
"""The value of an option: a list for one that may be repeated, a mapping for NAME=VALUE."""
_SPECS: Final = ".specs"
"""Folder for the specs that were run, in the folder of the runs."""
_PROBLEM: Final = re.compile(
    r"(?P<file>.+?):(?P<line>[0-9]+):(?P<column>[0-9]+): (?P<warning>warning: )?(?P<message>.+)"
)
"""A problem or warning as `gator run` prints it."""
_ENDED: Final = (0, 1)
"""Exit codes of a run that was carried out."""


def check(spec: SpecNode) -> tuple[Problem, ...]:
    """Checks a spec and returns warnings. Raises SpecError with every problem."""
    return load_written(spec, find_parser).warnings


def run(spec: SpecNode | str | os.PathLike[str], /, *, show: bool = False, **options: Option) -> Run:
    """Runs a spec to its end and returns the run, whatever its outcome is.

    `spec` is a node, or the path of a YAML file. With `show` the run prints as `gator run` does. `options`
    are those of `gator run`, with underscores for dashes, such as `only=["sims"]`, `cores=4`, `dry_run=True`
    or `param={"mode": "fast"}`.

    Raises SpecError for problems of a spec, UsageError for those of options, and GatorError if the run could
    not be carried out.
    """
    file = _saved(spec) if isinstance(spec, SpecNode) else os.fspath(spec)
    argv = [sys.executable, "-m", "gator", "run", *_arguments(options), "--", file]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=None if show else subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        _, told = process.communicate()
    text = told.decode("utf-8", "replace").strip()
    if process.returncode not in _ENDED:
        if (error := _spec_error(text)) is not None:
            raise error
        kind = UsageError if process.returncode == os.EX_USAGE or process.returncode == 2 else GatorError
        raise kind(text.removeprefix("gator: ") or f"the run ended with exit code {process.returncode}")
    folder = _folder_of(process.pid, options.get("tracking"))
    if folder is None:
        raise GatorError(text or "the run left no folder")
    return Run(folder, process.returncode)


def _spec_error(text: str) -> SpecError | None:
    """Returns the problems that a run printed about its spec; None if it ended for another reason."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for line in text.splitlines():
        found = _PROBLEM.fullmatch(line)
        if found is not None:
            kept = warnings if found["warning"] else problems
            kept.append(Problem(found["file"], int(found["line"]), int(found["column"]), found["message"]))
    return SpecError(problems, warnings) if problems else None


def _saved(spec: SpecNode) -> str:
    """Writes a spec to a file that stays, so that the run can be repeated; returns its path."""
    data = to_bytes(load_written(spec, find_parser))
    place = tracking_root().absolute() / _SPECS
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{Path(spec.place[0]).stem}-{sha256(data).hexdigest()[:12]}.spec"
    if not file.exists():
        new = file.with_suffix(f".{os.getpid()}")
        new.write_bytes(data)
        new.replace(file)
    return str(file)


def _arguments(options: Mapping[str, Option]) -> list[str]:
    """Returns options as on the command line."""
    found: list[str] = []
    for name, value in options.items():
        flag = f"--{name.rstrip('_').replace('_', '-')}"
        match value:
            case None | False:
                continue
            case True:
                found.append(flag)
            case Mapping():
                found += [f"{flag}={key}={item}" for key, item in value.items()]
            case str() | int() | float() | os.PathLike():
                found.append(f"{flag}={os.fspath(value) if isinstance(value, os.PathLike) else value}")
            case _:
                found += [f"{flag}={item}" for item in value]
    return found


def _folder_of(pid: int, tracking: object) -> Path | None:
    """Returns the folder of the run whose root was this process."""
    if tracking is not None:
        return Path(str(tracking)).absolute()
    for found in found_runs(tracking_root().absolute()):
        holder = found.folder.lock_holder()
        if holder is not None and holder.pid == pid:
            return found.folder.path
    return None
