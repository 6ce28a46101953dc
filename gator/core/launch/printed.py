"""Commands printed for a user to paste; they work in any folder and environment."""

import shlex
from collections.abc import Sequence

from gator.paths import escape


def in_folder(folder: str) -> tuple[str, ...]:
    """Returns the options that name the run in an absolute folder."""
    return "-r", folder


def command(name: str, *words: str, where: Sequence[str] = ()) -> str:
    """Returns a command about a run, quoted for a shell."""
    return shlex.join(["gator", *name.split(), *words, *where])


def about_node(name: str, path: str, where: Sequence[str], *options: str) -> str:
    """Returns a command about one node, given by its whole path."""
    return command(name, *options, escape(path), where=where)
