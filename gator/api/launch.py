"""Starts runs of specs that are built in Python."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, TypeAlias, cast

from gator.api.results import Run
from gator.cli.exit_codes import FAILED, USAGE
from gator.cli.installed_parsers import find_parser, runners
from gator.cli.run_report import read_reports
from gator.cli.tracking import tracking_root
from gator.core.launch.rerun import FLAGS
from gator.errors import GatorError, Problem, UsageError
from gator.spec import SpecNode, load_written, to_bytes

Option: TypeAlias = (
    str | int | float | bool | os.PathLike[str] | Sequence[object] | Mapping[str, object] | None
)
"""The value of an option: a list for one that may be repeated, a mapping for NAME=VALUE."""
_SPECS: Final = ".specs"
"""Folder for the specs that were run, in the folder of the runs."""


def check(spec: SpecNode) -> tuple[Problem, ...]:
    """Checks a spec and returns warnings. Raises SpecError with every problem."""
    return load_written(spec, find_parser, runners).warnings


def run(spec: SpecNode | str | os.PathLike[str], /, *, show: bool = False, **options: Option) -> Run:
    """Runs a spec to its end and returns the run, whatever its outcome is.

    `spec` is a node, or the path of a YAML file. With `show` the run prints as `gator run` does. `options`
    are those of `gator run`, with underscores for dashes, such as `only=["sims"]`, `jobs=4`, `quiet=True`,
    `progress=False` or `param={"mode": "fast"}`; one that is None is omitted.

    Raises SpecError for problems of a spec, UsageError for those of options, and GatorError if the run could
    not be carried out.
    """
    arguments = _arguments(options)
    file = _saved(spec, options.get("directory")) if isinstance(spec, SpecNode) else os.fspath(spec)
    with TemporaryFile() as reports:
        number = reports.fileno()
        argv = [sys.executable, "-m", "gator.reported_run", str(number), "run", *arguments, "--", file]
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=None if show else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(number,),
        ) as process:
            _, messages = process.communicate()
        reports.seek(0)
        folder, error = read_reports(reports.read())
    code = process.returncode
    text = messages.decode("utf-8", "replace").strip().removeprefix("gator: ")
    if code in (0, FAILED):
        if folder is None:
            raise UsageError("these options start no run: leave out dry_run and help_params")
        return Run(folder, code)
    if error is not None:
        raise error
    raise (UsageError if code == USAGE else GatorError)(text or f"the run ended with exit code {code}")


def _saved(spec: SpecNode, directory: Option) -> str:
    """Writes a spec to a file that stays, so that the run can be repeated; returns its path."""
    data = to_bytes(load_written(spec, find_parser, runners))
    place = Path(str(directory or "")).absolute() / tracking_root() / _SPECS
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{Path(spec.place[0]).stem}-{sha256(data).hexdigest()[:12]}.spec"
    if not file.exists():
        new = file.with_suffix(f".{os.getpid()}")
        new.write_bytes(data)
        new.replace(file)
    return str(file)


def _arguments(options: Mapping[str, Option]) -> list[str]:
    """Returns options as on the command line. Raises UsageError for values that an option cannot have."""
    arguments: list[str] = []
    for name, value in options.items():
        flag = f"--{name.rstrip('_').replace('_', '-')}"
        match value:
            case None:
                continue
            case bool():
                arguments += _switch(name, flag, value)
            case Mapping():
                arguments += [
                    f"{flag}={key}={_value(name, key, item)}"
                    for key, item in value.items()
                    if item is not None
                ]
            case str() | int() | float() | os.PathLike():
                arguments.append(f"{flag}={os.fspath(value) if isinstance(value, os.PathLike) else value}")
            case _:
                arguments += [f"{flag}={_item(name, item)}" for item in value]
    return arguments


def _switch(option: str, flag: str, value: bool) -> list[str]:
    """Returns the arguments for a boolean: none for False if that cannot be other than the default."""
    if value:
        return [flag]
    opposite = f"--no-{flag.removeprefix('--')}"
    if opposite in FLAGS:
        return [opposite]
    if flag not in FLAGS:
        raise UsageError(f"{option}: False is not a value of this option: use None to omit it")
    return []


def _item(option: str, item: object) -> str:
    """Returns an item of an option that is repeated. Raises UsageError unless it is one value."""
    match item:
        case str() | os.PathLike():
            return os.fspath(cast("str | os.PathLike[str]", item))
        case int() | float() if not isinstance(item, bool):
            return str(item)
        case _:
            kind = type(item).__name__
            raise UsageError(f"{option}: an item of a list must be a string, path or number, not {kind}")


def _value(option: str, key: str, value: object) -> str:
    """Returns a value as in NAME=VALUE: a boolean in lower case, the items of a list with commas between."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case Path():
            return str(value)
        case list() | tuple():
            items = [_value(option, key, item) for item in cast("Sequence[object]", value)]
            if any("," in item for item in items):
                raise UsageError(f"{option}: an item of '{key}' contains a comma, which separates items")
            return ",".join(items)
        case _:
            kind = type(value).__name__
            raise UsageError(f"{option}: '{key}' must be a string, number, boolean or list, not {kind}")
