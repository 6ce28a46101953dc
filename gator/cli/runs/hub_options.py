"""What says which hub is meant, for commands that run and commands that read. Rule: imports little."""

from collections.abc import Mapping
from typing import Final

from gator.errors import UsageError

VARIABLE: Final = "GATOR_HUB"
DEFAULT: Final = "localhost:8080"
NO_HUB: Final = "none"
"""Keeps runs out of any hub."""


def names_hub(environment: Mapping[str, str]) -> bool:
    """Returns whether the environment names a hub."""
    return environment.get(VARIABLE, "").strip().lower() not in ("", NO_HUB)


def label_of(text: str) -> tuple[str, str]:
    """Name and value in what --label gives. Raises UsageError."""
    name, found, value = text.partition("=")
    if not found or not name.strip():
        raise UsageError(f"--label {text}: give NAME=VALUE")
    return name.strip(), value
