"""Checks the syntax of patterns."""

from typing import Any, Final, cast

_LOOKS: Final = {
    "(?=": "look-ahead",
    "(?!": "look-ahead",
    "(?<=": "look-behind",
    "(?<!": "look-behind",
}


class PatternError(ValueError):
    """A pattern that RE2 does not accept; the message says why."""


def compiled_pattern(pattern: str) -> Any:
    """Returns a pattern as RE2 compiles it. Raises PatternError."""
    import re2

    for mark, what in _LOOKS.items():
        if mark in pattern:
            raise PatternError(f"RE2 has no {what}: write the pattern without {mark}")
    module = cast("Any", re2)
    options = module.Options()
    # RE2 would print the error to stderr as well.
    options.log_errors = False
    try:
        return module.compile(pattern, options)
    except module.error as error:
        reason: Any = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise PatternError(f"invalid RE2 pattern: {text}") from error


def pattern_problem(pattern: str) -> str:
    """Returns why a string is not a pattern of RE2; empty if it is one."""
    try:
        compiled_pattern(pattern)
    except PatternError as error:
        return str(error)
    return ""
