"""Checks the patterns of parsers."""

from typing import Any, Final, cast

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


def pattern_problem(pattern: str) -> str:
    """Returns why a pattern cannot be used; empty if it can."""
    import re2

    for mark, what in (
        ("(?=", "look-ahead"),
        ("(?!", "look-ahead"),
        ("(?<=", "look-behind"),
        ("(?<!", "look-behind"),
    ):
        if mark in pattern:
            return f"RE2 has no {what}: write the pattern without {mark}"
    module = cast("Any", re2)
    try:
        compiled = module.compile(pattern)
    except module.error as error:
        return f"this is no pattern of RE2: {_reason(error)}"
    unknown: list[str] = [name for name in compiled.groupindex if name not in GROUPS]
    if unknown:
        return (
            f"there is no group {unknown[0]}{did_you_mean(unknown[0], GROUPS)}: there are {', '.join(GROUPS)}"
        )
    return ""


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
