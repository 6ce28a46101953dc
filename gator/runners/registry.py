"""Finds runners by name: `container`, and the entry points `gator.runners` of installed packages."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from gator.runners.job import RunnerCommand, RunnerError, RunnerJob

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "gator.runners"
Runner: TypeAlias = Callable[[RunnerJob], RunnerCommand]


def command_of(name: str, job: RunnerJob) -> RunnerCommand:
    """Returns what the runner with this name starts. Raises RunnerError."""
    runner = _find(name)
    try:
        command = runner(job)
    except RunnerError:
        raise
    except Exception as error:
        # Any error of a package.
        raise RunnerError(f"the runner {name} failed: {type(error).__name__}: {error}") from error
    if not isinstance(command, RunnerCommand):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RunnerError(f"the runner {name} returned {type(command).__name__}, not a RunnerCommand")
    if not command.argv:
        raise RunnerError(f"the runner {name} returned an empty command")
    return command


def names() -> list[str]:
    """Returns the names of all runners, sorted."""
    return sorted({"container", "process", "python", "shell", *(point.name for point in _entry_points())})


def _find(name: str) -> Runner:
    if name == "container":
        from gator.runners.container import container

        return container
    points = [point for point in _entry_points() if point.name == name]
    if not points:
        raise RunnerError(f"unknown runner '{name}': use {', '.join(names())}, or install its package")
    try:
        return points[0].load()
    except Exception as error:
        # Any error of a package that this process does not need otherwise.
        what = f"{type(error).__name__}: {error}"
        raise RunnerError(f"the runner {name} cannot be loaded: {points[0].value}: {what}") from error


def _entry_points() -> "Sequence[EntryPoint]":
    from importlib.metadata import entry_points

    return tuple(entry_points(group=GROUP))
