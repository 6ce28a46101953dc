"""Finds parsers of installed packages, by the entry points `gator.parsers`, and the names of runners.

The name of an entry point is that of the parser. Its object is a package with the file NAME.yaml, the path of
such a file, or a function that returns the path.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from gator.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "gator.parsers"


def find_parser(name: str) -> str | None:
    """Returns the path of a package's parser; None if no package has it.

    Raises UsageError if the package cannot say where it is.
    """
    points = [point for point in _entry_points() if point.name == name]
    return str(_path_of(points[0])) if points else None


def names() -> list[str]:
    """Returns the names of the parsers of packages, sorted."""
    return sorted({point.name for point in _entry_points()})


def runners() -> Collection[str]:
    """Returns the names of the runners of Gator and of packages."""
    from gator.runners.registry import names as runner_names

    return runner_names()


def _path_of(point: "EntryPoint") -> Path:
    try:
        value = point.load()
        if isinstance(value, ModuleType):
            path = Path(next(iter(value.__path__)), f"{point.name}.yaml")
        else:
            path = Path(str(value() if callable(value) else value))
    except Exception as error:
        # Any error of a package that this process does not need otherwise.
        what = f"{type(error).__name__}: {error}"
        raise UsageError(
            f"the parser {point.name} of a package cannot be loaded: {point.value}: {what}"
        ) from error
    if not path.is_file():
        raise UsageError(
            f"the parser {point.name} of a package has no file {path}, which {point.value} names"
        )
    return path.absolute()


def _entry_points() -> "Sequence[EntryPoint]":
    from importlib.metadata import entry_points

    return tuple(entry_points(group=GROUP))
