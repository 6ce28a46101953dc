"""Which texts may be the name of a node. Idents stand in paths, on the command line and in file names."""

import re

LONGEST = 128

_FORBIDDEN = re.compile(r"[/\[\],=\x00-\x1f\x7f-\x9f\u2028\u2029]")


def ident_problem(ident: str) -> str | None:
    """What is wrong with an ident, as a fragment of a sentence; None if it may be used."""
    if not ident:
        return "an ident cannot be empty"
    if len(ident) > LONGEST:
        return f"an ident has at most {LONGEST} characters, this one has {len(ident)}"
    if ident in (".", ".."):
        return f"'{ident}' cannot be an ident"
    if ident.startswith("-"):
        return "an ident cannot start with '-'"
    found = _FORBIDDEN.search(ident)
    if found is None:
        return None
    shown = f"'{found[0]}'" if found[0].isprintable() else f"the control character U+{ord(found[0]):04X}"
    return f"an ident cannot contain {shown}"


def nfc(text: str) -> str:
    """Returns a text in the normal form in which idents are kept and compared (Unicode NFC).

    Some systems and editors write "é" as one character, others as two.
    """
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFC", text)


def made_of(text: str) -> str:
    """The nearest ident to any text, for a root that takes the name of its file."""
    ident = _FORBIDDEN.sub("_", nfc(text)).lstrip("-")[:LONGEST]
    return ident if ident_problem(ident) is None else "root"
