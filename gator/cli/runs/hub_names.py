"""Names of hubs and labels in options and the environment, for commands that run and commands that read.

Invariant: imports nothing that delays the start of a run.
"""

from collections.abc import Mapping
from typing import Final

from gator.errors import UsageError

VARIABLE: Final = "GATOR_HUB"
DEFAULT: Final = "localhost:8080"
NO_HUB: Final = "none"
"""Value that means no hub."""


def names_hub(environment: Mapping[str, str]) -> bool:
    """Returns whether the environment names a hub."""
    return environment.get(VARIABLE, "").strip().lower() not in ("", NO_HUB)


def label_of(text: str) -> tuple[str, str]:
    """Returns the name and value of a label. Raises UsageError if it is not NAME=VALUE."""
    name, found, value = text.partition("=")
    if not found or not name.strip():
        raise UsageError(f"--label {text}: give NAME=VALUE")
    return name.strip(), value
