"""The `--number` option of the commands that list something, and the line that tells what they left out.

Invariant: JSON is complete unless the option is given.
"""

from typing import Any, Final

import typer

from gator.cli import output
from gator.units import plural

MAX_ROWS: Final = 20
"""Default maximum number of runs, changes or causes."""
MAX_LINES: Final = 100
"""Default maximum number of nodes, metrics or hits, which take one line each."""


def number_option(default: int, noun: str) -> Any:
    """Returns the option for a command that lists `noun`, such as `nodes`."""
    return typer.Option(
        "-n",
        "--number",
        min=0,
        metavar="N",
        show_default=False,
        help=f"Show at most N {noun}, 0 for all; default: {default}, with --json all.",
    )


def limit_of(number: int | None, default: int, *, json: bool = False) -> int | None:
    """Returns the maximum number of entries to show; None for no limit."""
    if number is None:
        return None if json else default
    return number or None


def more_text(noun: str, left: int | None = None, *, about: str = "", hint: str = "") -> str:
    """Returns `... and 3 more nodes: -n 0 shows all`; `left` is None if the number is not known.

    `noun` is in the singular. `about` describes what was left out; `hint` names another option.
    """
    what = f"more {noun}s" if left is None else plural(left, f"more {noun}")
    return f"... and {what}{f' ({about})' if about else ''}: -n 0 shows all{f', {hint}' if hint else ''}"


def print_omitted(
    noun: str, left: int | None = None, *, indent: str = "", about: str = "", hint: str = ""
) -> None:
    """Prints that a list was cut, and the option that shows all of it."""
    output.echo(indent + output.paint(more_text(noun, left, about=about, hint=hint), "dim"))
