"""Bytes that a program wrote become text for people.

Rule: any bytes give a text, and none is dropped in silence.
"""

import re

BLANKS_PATTERN = rb"[ \t\r\v\f]"
ANSI_PATTERN = (
    rb"(?:\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"
    rb"|\x1b\][^\x07\x1b\n]{0,1024}(?:\x07|\x1b\\)"
    rb"|\x1b[ -/]{0,8}[0-Z\\^-~])"
)
"""Escape sequences of terminals (ECMA-48: CSI, OSC and the short ones), of bounded length."""

MOST_CHARACTERS = 1000
"""Length to which a message is cut that stands in a Result."""

_ANSI = re.compile(ANSI_PATTERN)


def readable(data: bytes) -> str:
    r"""Text of `data`; bytes that are not UTF-8 stand as `\xNN`."""
    return data.decode("utf-8", "backslashreplace")


def clean(line: bytes) -> str:
    r"""Text of a line without escape sequences of terminals and without blanks at its ends."""
    if b"\x1b" in line:
        line = _ANSI.sub(b"", line)
    return readable(line.strip(b" \t\r\v\f\n"))


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """`text`, cut to `most` characters with an ellipsis as the last of them."""
    return text if len(text) <= most else text[: most - 1] + "…"
