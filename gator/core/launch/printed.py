"""Commands printed for a user to paste; they work in any folder and environment."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Final

from gator.path_patterns import escape

_NAMED: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
"""Escapes of control characters in bash."""


def in_folder(folder: str) -> tuple[str, ...]:
    """Returns the options that name the run in an absolute folder."""
    return "-r", folder


def command(name: str, *words: str, where: Sequence[str] = ()) -> str:
    """Returns a command about a run, quoted for a shell."""
    return shlex.join(["gator", *name.split(), *words, *where])


def about_node(name: str, path: str, where: Sequence[str], *options: str) -> str:
    """Returns a command about one node, given by its whole path."""
    return command(name, *options, escape(path), where=where)


def quoted_words(words: Iterable[str]) -> str:
    """Returns words quoted for bash on one line, control characters as in `$'one\\ntwo'`."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{''.join(map(_escaped, escaped))}'"


def _escaped(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    is_control = character < " " or character == "\x7f"
    return f"\\x{ord(character):02x}" if is_control else character
