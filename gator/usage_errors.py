"""Errors of the command line in the form of all other errors: one line that says what to do.

A command without any arguments that prints its help is not an error.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import typer
from typer.core import TyperGroup

from gator.errors import UsageError

_USAGE: Final = 2
_HELP: Final = "NoArgsIsHelpError"
_NOUNS: Final = {"int": "a whole number", "float": "a number"}


class PlainGroup(TyperGroup):
    """Commands whose wrong options and arguments raise gator's own UsageError."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Parses what stands before the command."""
        with _in_our_words():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Parses what stands behind the command, and calls it."""
        with _in_our_words():
            return super().invoke(ctx)


@contextmanager
def _in_our_words() -> Generator[None]:
    try:
        yield
    except typer.TyperException as error:
        if error.exit_code != _USAGE or type(error).__name__ == _HELP:
            raise
        raise UsageError(_said(error)) from error


def _said(error: Any) -> str:
    """Returns what is wrong and what to do."""
    param = getattr(error, "param", None)
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
    number = _number_wanted(param.type)
    if number:
        given = error.message.partition(" is not ")[0].strip("'")
        return f"{name} {given}: give {number}"
    text = error.message.rstrip(".")
    return f"{name}: {text[:1].lower()}{text[1:]}"


def _number_wanted(kind: Any) -> str:
    """Returns the numbers that a parameter takes; empty if it takes something else."""
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    noun = _NOUNS.get(getattr(kind, "name", "").removesuffix(" range"), "")
    if not noun or (least is None and most is None):
        return noun
    return f"{noun} from {least} to {most}" if most is not None else f"{noun}, at least {least}"
