"""Checks the patterns of parsers."""

from typing import Final

from gator.spec.patterns import PatternError, compiled_pattern
from gator.spec.suggestions import did_you_mean

GROUPS: Final = (
    "file",
    "line",
    "column",
    "code",
    "item",
    "message",
    "value",
    "severity",
    "location",
    "properties",
)
"""Names of the groups that patterns may have."""


def parser_pattern_problem(pattern: str) -> str:
    """Returns why a pattern of a parser cannot be used; empty if it can."""
    try:
        compiled = compiled_pattern(pattern)
    except PatternError as error:
        return str(error)
    unknown: list[str] = [name for name in compiled.groupindex if name not in GROUPS]
    if unknown:
        hint = did_you_mean(unknown[0], GROUPS) or f": must be one of {', '.join(GROUPS)}"
        return f"unknown group '{unknown[0]}'{hint}"
    return ""
