"""Choices of a run that the command line offers by name. Imports nothing, so that checks stay fast."""

from enum import Enum


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
