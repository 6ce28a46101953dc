"""Turns errors of the command line parser into UsageErrors of one line that says what to do.

Invariant: a group without any argument prints its help instead of raising an error.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import typer
from typer.core import TyperGroup

from gator.errors import UsageError

_USAGE: Final = 2
_HELP: Final = "NoArgsIsHelpError"
_UNKNOWN_OPTION: Final = "NoSuchOption"
_NOUNS: Final = {"int": "a whole number", "float": "a number"}


class PlainGroup(TyperGroup):
    """A group of commands whose wrong options and arguments raise UsageError."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Parses the options before the command."""
        with _as_usage_errors():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Parses the arguments of the command, and calls it."""
        with _as_usage_errors():
            return super().invoke(ctx)


@contextmanager
def _as_usage_errors() -> Generator[None]:
    try:
        yield
    except typer.TyperException as error:
        if error.exit_code != _USAGE or type(error).__name__ == _HELP:
            raise
        raise UsageError(_text_of(error)) from error


def _text_of(error: Any) -> str:
    param = getattr(error, "param", None)
    option = getattr(error, "option_name", "")
    if option and type(error).__name__ == _UNKNOWN_OPTION:
        near = " or ".join(sorted(error.possibilities or ()))
        advice = f"did you mean {near}?" if near else f"see {error.ctx.command_path} -h"
        return f"unknown option {option}: {advice}"
    if param is None or not error.message:
        text = error.format_message().rstrip(".").replace(". Did", ": did", 1)
        near = getattr(error, "possibilities", None)
        if near and "(Possible" in text:
            text = f"{text.partition(' (Possible')[0]}: did you mean {' or '.join(sorted(near))}?"
        where = f" (see {error.ctx.command_path} -h)" if error.ctx is not None else ""
        return f"{text[:1].lower()}{text[1:]}{where}"
    name = param.opts[-1] if param.opts[-1].startswith("--") else max(param.opts, key=len)
    if not name.startswith("-"):
        name = param.metavar or name
    number = _accepted_numbers(param.type)
    if number:
        given = error.message.partition(" is not ")[0].strip("'")
        return f"{name} {given}: must be {number}"
    choices = getattr(param.type, "choices", None)
    if choices:
        given = error.message.partition(" is not ")[0].strip("'")
        return f"{name} {given}: must be one of {', '.join(map(str, choices))}"
    text = error.message.rstrip(".")
    return f"{name}: {text[:1].lower()}{text[1:]}"


def _accepted_numbers(kind: Any) -> str:
    """Returns the numbers that a parameter accepts, as text; empty if it accepts something else."""
    minimum, maximum = getattr(kind, "min", None), getattr(kind, "max", None)
    noun = _NOUNS.get(getattr(kind, "name", "").removesuffix(" range"), "")
    if not noun or (minimum is None and maximum is None):
        return noun
    return f"{noun} from {minimum} to {maximum}" if maximum is not None else f"{noun}, at least {minimum}"
