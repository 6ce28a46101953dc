"""Where lines for people go: stamped, coloured on a terminal, and never an error when nobody reads.

The rule: a display that cannot be written to is dropped, and the run goes on.
"""

import os
import select
import stat
import time
from typing import TextIO

from gator.core.visible import visible, visible_lines, visible_styled
from gator.v1 import common_pb2 as pb

_COLOURS = {
    pb.SEVERITY_DEBUG: "2",
    pb.SEVERITY_INFO: "",
    pb.SEVERITY_WARNING: "33",
    pb.SEVERITY_ERROR: "31",
    pb.SEVERITY_CRITICAL: "1;31",
}
_CODES = "0|[12]|(?:1;)?3[0-7]"
"""Codes of the colours that Gator uses."""
NAME_WIDTH = 8
"""Room for the longest name of a severity."""
_TERMINAL_PIECE = 1024
_USUAL_SIZE = (80, 24)


class Terminal:
    """Writes text to a stream, a piece at a time.

    Where the stream has a descriptor that is written to past the stream's own buffer, so that nothing is
    left in there to fail when the interpreter exits.
    """

    def __init__(self, out: TextIO, *, colour: bool) -> None:
        self.colour = colour
        self._out = out
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        self._lost = False
        self._rest = bytearray()
        self._poll = select.poll()
        try:
            out.flush()
            self._fd = out.fileno()
            self._piece = _piece_of(self._fd)
            self._poll.register(self._fd, select.POLLOUT)
        except (OSError, ValueError):
            # It stands for a file only, as in memory, or is closed already.
            self._fd = -1

    @property
    def plain_characters(self) -> bool:
        """Whether only ASCII can be relied on."""
        return not self._encoding.lower().startswith("utf")

    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal now; 80 and 24 where there is none."""
        try:
            size = os.get_terminal_size(self._fd)
        except OSError:
            return _USUAL_SIZE
        return (size.columns or _USUAL_SIZE[0], size.lines or _USUAL_SIZE[1])

    def in_foreground(self) -> bool:
        """Returns whether this process is in the foreground of its terminal."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            # It is not the controlling terminal of this process.
            return True

    def write(self, text: str) -> None:
        """Writes as far as it is taken at once; what is left comes before all that is written later.

        Never waits: who writes much asks `ready` before. After a failure nothing is written any more.
        """
        if self._lost:
            return
        try:
            if self._fd < 0:
                self._out.write(text)
                self._out.flush()
                return
            self._rest += text.encode(self._encoding, "backslashreplace")
            self._send()
        except (OSError, ValueError):
            # The terminal is closed or the reader of a pipe is gone. The record is what counts.
            self._lost = True
            self._rest.clear()

    def ready(self) -> bool:
        """Returns whether all that was written is taken, after taking what can be taken now."""
        if self._rest:
            self.write("")
        return not self._rest

    def line(self, text: str) -> None:
        """Writes one line of Gator's own, with control characters escaped."""
        self.write(self.safe(text) + "\n")

    def safe(self, text: str) -> str:
        """Returns a text as one line without control sequences other than the colours of `paint`."""
        return visible_styled(text, _CODES) if self.colour else visible(text)

    def message(self, severity: pb.Severity.ValueType, text: str) -> None:
        """Writes a message, stamped with the time of day; further lines are indented alike."""
        head = self.head(severity)
        data = text.encode("utf-8", "surrogateescape")
        self.write(head + visible_lines(data, colours=self.colour).replace("\n", "\n" + head) + "\n")

    def head(self, severity: pb.Severity.ValueType) -> str:
        """What stands before the text of a message: `[12:58:30] INFO     `."""
        name = pb.Severity.Name(severity).removeprefix("SEVERITY_")
        stamp = time.strftime("[%H:%M:%S]")
        return f"{stamp} {self.paint(name.ljust(NAME_WIDTH), _COLOURS.get(severity, ''))} "

    def paint(self, text: str, code: str) -> str:
        """Returns the text in a colour, where there are colours. `code` is that of SGR (ECMA-48)."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code else text

    def _send(self) -> None:
        while self._rest and self._poll.poll(0):
            try:
                del self._rest[: os.write(self._fd, self._rest[: self._piece])]
            except BlockingIOError:
                # Whoever shares the descriptor has set it so.
                return


def _piece_of(fd: int) -> int:
    """Bytes that a descriptor which says it is ready takes without delay."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return 1 << 20
    return select.PIPE_BUF if stat.S_ISFIFO(mode) else _TERMINAL_PIECE
