"""Reads and writes the text of a command: `::gator VERB key=value …::TEXT`.

`docs/lines.md` has the grammar.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from msgspec import Struct, field

from gator.parsers import percent

PREFIX: Final = "::gator"
MAX_CHARACTERS: Final = 64 * 1024
"""Maximum length of a command."""
MAX_FIELDS: Final = 100
"""Maximum number of fields of a command."""


class CommandError(ValueError):
    """A line that starts like a command but is invalid.

    `kind` is the same for all lines with the same mistake.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class OutputCommand(Struct, frozen=True):
    """One command."""

    verb: str
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    """Decoded values by key."""
    text: str | None = None
    """The decoded text after the last `::`; None if there is none."""


def parse_command(line: str) -> OutputCommand | None:
    """Returns the command in a line without its end; None if the line does not begin as one.

    Raises CommandError for an invalid line that begins with `::gator`.
    """
    if not line.startswith(PREFIX) or line[len(PREFIX) : len(PREFIX) + 1] not in ("", " ", "\t", ":"):
        return None
    if len(line) > MAX_CHARACTERS:
        raise CommandError("length", f"a command is limited to {MAX_CHARACTERS:,} characters")
    head, separator, text = line.removeprefix(PREFIX).partition("::")
    # A value may have blanks of Unicode, at which split() without an argument splits too.
    verb, *pairs = [part for part in head.replace("\t", " ").split(" ") if part] or [""]
    if not _pattern(r"[a-z]+").fullmatch(verb):
        raise CommandError("verb", f"after {PREFIX} there must be a verb, such as log, not {verb[:40]!r}")
    fields: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not _pattern(r"[A-Za-z_][A-Za-z0-9_.-]*").fullmatch(key):
            raise CommandError(
                "field",
                f"{pair[:40]!r} is not key=value: write a space in a value as %20, and the message after ::",
            )
        if key in fields:
            raise CommandError("twice", f"{verb} has the key {key[:40]} twice")
        fields[key] = percent.decode_value(value)
    if len(fields) > MAX_FIELDS:
        raise CommandError("fields", f"a command is limited to {MAX_FIELDS} fields")
    return OutputCommand(verb, fields, percent.decode_text(text) if separator else None)


def command_line(verb: str, fields: Mapping[str, str] | None = None, text: str | None = None) -> str:
    """Returns the line of a command, without its end. `parse_command` returns the same command for it.

    Readers of output remove escape sequences and the blanks at the end of a line before.
    """
    pairs = "".join(f" {key}={percent.encode_value(value)}" for key, value in (fields or {}).items())
    return f"{PREFIX} {verb}{pairs}{'' if text is None else f'::{percent.encode_text(text)}'}"


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """Returns the compiled pattern; most jobs end without needing it."""
    return re.compile(pattern)
