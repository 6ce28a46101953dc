"""Checks names of nodes, which appear in paths, on the command line and in file names."""

import re

MAX_CHARACTERS = 128
"""Maximum length of an ident."""

_FORBIDDEN = re.compile(r"[/\[\],=\x00-\x1f\x7f-\x9f\u2028\u2029]")


def ident_problem(ident: str) -> str | None:
    """Returns why a string cannot be an ident, as a fragment of a sentence; None if it can."""
    if not ident:
        return "an ident cannot be empty"
    if len(ident) > MAX_CHARACTERS:
        return f"an ident is limited to {MAX_CHARACTERS} characters; this one has {len(ident)}"
    if ident in (".", ".."):
        return f"'{ident}' cannot be an ident"
    if ident.startswith("-"):
        return "an ident cannot start with '-'"
    match = _FORBIDDEN.search(ident)
    if match is None:
        return None
    shown = f"'{match[0]}'" if match[0].isprintable() else f"the control character U+{ord(match[0]):04X}"
    return f"an ident cannot contain {shown}"


def nfc(text: str) -> str:
    """Returns a string in the normal form in which idents are kept and compared (Unicode NFC).

    Some systems and editors write "é" as one character, others as two.
    """
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFC", text)


def made_of(text: str) -> str:
    """Returns the nearest ident to a string, for a root that takes the name of its file."""
    ident = _FORBIDDEN.sub("_", nfc(text)).lstrip("-")[:MAX_CHARACTERS]
    return ident if ident_problem(ident) is None else "root"
