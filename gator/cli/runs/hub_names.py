"""Names of hubs in options and the environment, for commands that run and commands that read.

Invariant: imports nothing that delays the start of a run.
"""

from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "GATOR_HUB"
DEFAULT: Final = "localhost:8080"
NO_HUB: Final = "none"
"""Value that means no hub."""


def names_hub(environment: Mapping[str, str]) -> bool:
    """Returns whether the environment names a hub."""
    return environment.get(VARIABLE, "").strip().lower() not in ("", NO_HUB)
