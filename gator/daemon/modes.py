"""Choices and defaults of a run that the command line offers. Imports nothing, so that checks stay fast."""

from enum import Enum
from typing import Final

SAMPLE_INTERVAL_MILLIS: Final = 5_000
"""Default maximum time in milliseconds between two samples of a job's usage."""
LOG_CAP_BYTES: Final = 1 << 30
"""Default maximum bytes that are stored of a job's output."""


class Placement(Enum):
    """Where the nodes of a run live."""

    AUTO = "auto"
    """Tiers and the first jobs run in the process of the command, later jobs in a few daemons."""
    INLINE = "inline"
    """Everything in the process of the command."""
    DAEMONS = "daemons"
    """Tiers in the process of the command, jobs in a few daemons."""
    TIERS = "tiers"
    """Groups and arrays directly below the root in daemons of their own, with their jobs."""


class TextLogMode(Enum):
    """The jobs whose output is also written as text files."""

    FAILED = "failed"
    ALL = "all"
    NONE = "none"
