"""Where lines for people go: stamped, coloured on a terminal, and never an error when nobody reads.

The rule: a display that cannot be written to is dropped, and the run goes on.
"""

import time
from typing import TextIO

from gator.v1 import common_pb2 as pb

_COLOURS = {
    pb.SEVERITY_DEBUG: "2",
    pb.SEVERITY_INFO: "",
    pb.SEVERITY_WARNING: "33",
    pb.SEVERITY_ERROR: "31",
    pb.SEVERITY_CRITICAL: "1;31",
}
NAME_WIDTH = 8
"""Room for the longest name of a severity."""


class Paper:
    """Writes text to a stream, a piece at a time."""

    def __init__(self, out: TextIO, *, colour: bool) -> None:
        self._out = out
        self.colour = colour
        self._lost = False

    def write(self, text: str) -> None:
        """Write as it is; after a failure nothing is written any more."""
        if self._lost:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            # The terminal is closed or the reader of a pipe is gone. The record is what counts.
            self._lost = True

    def line(self, text: str) -> None:
        """Write a line."""
        self.write(text + "\n")

    def message(self, severity: pb.Severity.ValueType, text: str) -> None:
        """Write a message, stamped with the time of day; further lines are indented alike."""
        head = self.head(severity)
        self.write(head + text.replace("\n", "\n" + head) + "\n")

    def head(self, severity: pb.Severity.ValueType) -> str:
        """What stands before the text of a message: `[12:58:30] INFO     `."""
        name = pb.Severity.Name(severity).removeprefix("SEVERITY_")
        stamp = time.strftime("[%H:%M:%S]")
        return f"{stamp} {self.paint(name.ljust(NAME_WIDTH), _COLOURS.get(severity, ''))} "

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, where there are colours. `code` is that of SGR (ECMA-48)."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code else text
