"""Finds schedulers by name: `local`, and the entry points `gator.schedulers` of installed packages."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gator.errors import OptionError, UserError, describe_foreign
from gator.scheduler.local import LocalScheduler
from gator.scheduler.protocols import Scheduler, SchedulerFactory

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "gator.schedulers"
LOCAL: Final = "local"
_MEMBERS: Final = ("allows_inline", "cores", "start_daemon")
"""Members of the protocol `Scheduler`."""


def make_scheduler(name: str, arguments: Mapping[str, str]) -> Scheduler:
    """Returns a scheduler made from its arguments; the case of its name does not matter.

    Raises UsageError if the scheduler is unknown, if it cannot be made, or if it rejects the arguments.
    """
    lower_name = name.lower()
    if lower_name == LOCAL:
        # Reading the entry points of all packages would delay each start by some milliseconds.
        return LocalScheduler(arguments)
    point = _entry_point(name)
    return _made(name, _loaded(name, point), arguments, point.value)


def check_name(name: str) -> None:
    """Raises UsageError if no scheduler has this name. The scheduler is neither imported nor made."""
    if name.lower() != LOCAL:
        _entry_point(name)


def names() -> list[str]:
    """Returns the names of all schedulers, sorted."""
    return sorted({LOCAL, *(point.name.lower() for point in _entry_points())})


def parse_arguments(texts: Sequence[str]) -> dict[str, str]:
    """Returns the values of `--sched-arg` by key; the last one of a key counts.

    Raises UsageError if one is not KEY=VALUE.
    """
    arguments: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise OptionError("--sched-arg", text, "must be KEY=VALUE")
        arguments[key] = value
    return arguments


def _loaded(name: str, point: "EntryPoint") -> SchedulerFactory:
    try:
        return point.load()
    except Exception as error:
        # Any error of a package that this process does not need otherwise.
        raise OptionError(
            "--scheduler", name, f"cannot import {point.value}: {describe_foreign(error)}"
        ) from error


def _made(name: str, make: SchedulerFactory, arguments: Mapping[str, str], source: str) -> Scheduler:
    try:
        scheduler = make(arguments)
    except UserError:
        raise
    except Exception as error:
        # Any error of a package. Its user can neither mend nor read a traceback.
        raise OptionError(
            "--scheduler", name, f"cannot create {source}: {describe_foreign(error)}"
        ) from error
    missing = [member for member in _MEMBERS if not hasattr(scheduler, member)]
    if missing:
        raise OptionError("--scheduler", name, f"{source} is not a scheduler: it lacks {', '.join(missing)}")
    return scheduler


def _entry_point(name: str) -> "EntryPoint":
    """Returns where a scheduler other than `local` comes from. Raises UsageError if there is none."""
    for point in _entry_points():
        if point.name.lower() == name.lower():
            return point
    *others, last = names()
    accepted = f"one of {', '.join((*others, last))}" if others else f"{last}, the only one that is installed"
    raise OptionError("--scheduler", name, f"must be {accepted}")


def _entry_points() -> "Sequence[EntryPoint]":
    from importlib.metadata import entry_points

    return tuple(entry_points(group=GROUP))
