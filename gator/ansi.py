r"""Patterns of escape sequences of terminals, and of the whitespace that a terminal does not show.

All are patterns of bytes; `decode()` makes them patterns of text.
"""

from typing import Final

BLANKS_PATTERN: Final = rb"[ \t\r\v\f]"
ANSI_PATTERN: Final = (
    rb"(?:\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"
    rb"|\x1b\][^\x07\x1b\n]{0,1024}(?:\x07|\x1b\\)"
    rb"|\x1b[ -/]{0,8}[0-Z\\^-~])"
)
"""Escape sequences of terminals (ECMA-48: CSI, OSC and the short ones), of bounded length."""
UNFINISHED_PATTERN: Final = (
    rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|\][^\x07\x1b\n]{0,1024}\x1b?|[ -/]{0,8})" + BLANKS_PATTERN + rb"*"
)
"""An unfinished escape sequence, and whitespace."""
