"""The diagnostic log: what Gator does and why, in a file of the run's folder, if GATOR_LOG asks for it.

GATOR_LOG is a level such as `debug`, or `component=level,…`; a level without a component holds for all
others. Each line has the time, the process, the level and the component. All processes of a run append to
one file.

Invariant: without GATOR_LOG `logger` returns None, so that a hot path only tests one attribute.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import logging

VARIABLE: Final = "GATOR_LOG"
FILE_NAME: Final = "diagnostic.log"
COMPONENTS: Final = ("daemons", "dispatch", "link", "store", "upload")
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30}
"""Levels by name, as numbers of the logging module, which is not imported for them."""

_levels: dict[str, int] = {}
"""Levels by component; empty if there is no diagnostic log."""


def parse_levels(text: str) -> dict[str, int]:
    """Returns the levels by component that a value of GATOR_LOG asks for; empty if it is empty.

    Raises ValueError for an unknown component or level.
    """
    levels: dict[str, int] = {}
    others: int | None = None
    for part in filter(None, (part.strip() for part in text.split(","))):
        component, equals, name = part.rpartition("=")
        level = LEVELS.get(name.lower())
        if level is None or (equals and component not in COMPONENTS):
            raise ValueError(
                f"{VARIABLE}={text}: must be one of {', '.join(LEVELS)}, or component=level with one of "
                f"{', '.join(COMPONENTS)}"
            )
        if equals:
            levels[component] = level
        else:
            others = level
    if others is not None:
        levels = dict.fromkeys(COMPONENTS, others) | levels
    return levels


def start(environment: Mapping[str, str], folder: Path, process: str) -> None:
    """Begins to log in the folder of a run, as `process`, if GATOR_LOG asks for it.

    Objects take their logger when they are made, so this is called before. Never raises: a value that
    cannot be parsed is refused before a run starts, and a log that cannot be written is left out.
    """
    try:
        levels = parse_levels(environment.get(VARIABLE, ""))
    except ValueError:
        return
    if not levels:
        return
    import logging

    try:
        handler = logging.FileHandler(folder / FILE_NAME, encoding="utf-8", errors="backslashreplace")
    except OSError:
        return
    # A full disk must not fill stderr with tracebacks.
    handler.handleError = lambda record: None
    handler.setFormatter(
        logging.Formatter(
            f"%(asctime)s.%(msecs)03d {process} %(levelname)s %(component)s: %(message)s",
            datefmt="%Y-%m-%d %H:%M:%S",
            defaults={"component": ""},
        )
    )
    for component, level in levels.items():
        logger = logging.getLogger(f"gator.{component}")
        logger.setLevel(level)
        logger.addFilter(_Named(component))
        logger.addHandler(handler)
        logger.propagate = False
    _levels.update(levels)


def logger(component: str) -> "logging.Logger | None":
    """Returns the logger of a component; None if GATOR_LOG does not ask for it."""
    if component not in _levels:
        return None
    import logging

    return logging.getLogger(f"gator.{component}")


class _Named:
    """Adds the name of the component to a record."""

    def __init__(self, component: str) -> None:
        self._component = component

    def filter(self, record: "logging.LogRecord") -> bool:
        record.component = self._component
        return True
