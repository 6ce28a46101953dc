"""Writes lines for people to a terminal, a pipe or a file, without ever waiting.

Invariant: a failure to write ends the output, not the run.
"""

import os
import select
import stat
import time
from typing import TextIO

from gator.console import describe
from gator.console.text import CODES, styled
from gator.core.visible import visible, visible_lines, visible_styled
from gator.v1 import common_pb2

NAME_WIDTH = 8
"""Length of the longest name of a severity."""
_TERMINAL_PIECE = 1024
"""Number of bytes that a terminal which is ready takes without delay."""
_USUAL_SIZE = (80, 24)


class Terminal:
    """Writes text to a stream, a piece at a time.

    If the stream has a descriptor, the text bypasses the buffer of the stream, whose content could fail to be
    written when the interpreter exits.
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
            # The stream is in memory or closed.
            self._fd = -1

    @property
    def plain_characters(self) -> bool:
        """Whether only ASCII can be relied on."""
        return not self._encoding.lower().startswith("utf")

    def size(self) -> tuple[int, int]:
        """Returns the current columns and rows of the terminal; 80 and 24 if there is none."""
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
            # This is not the controlling terminal of the process.
            return True

    def write(self, text: str) -> None:
        """Writes what the output takes at once and keeps the rest for the next call.

        Never waits, so callers that write much check `ready` first. After a failure nothing is written.
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
            # The terminal is closed or the reader of a pipe is gone; the record of the run is not affected.
            self._lost = True
            self._rest.clear()

    def ready(self) -> bool:
        """Writes what the output takes at once; returns whether nothing is left."""
        if self._rest:
            self.write("")
        return not self._rest

    def line(self, text: str) -> None:
        """Writes one line of Gator's own, with control characters escaped."""
        self.write(self.safe(text) + "\n")

    def safe(self, text: str) -> str:
        """Returns a string as one line without control sequences other than the colours of `paint`."""
        return visible_styled(text, CODES) if self.colour else visible(text)

    def message(self, severity: common_pb2.Severity.ValueType, text: str) -> None:
        """Writes a message; each of its lines begins with the time and the severity."""
        head = self.head(severity)
        data = text.encode("utf-8", "surrogateescape")
        self.write(head + visible_lines(data, colours=self.colour).replace("\n", "\n" + head) + "\n")

    def head(self, severity: common_pb2.Severity.ValueType) -> str:
        """Returns the beginning of a line of a message: `[12:58:30] INFO     `."""
        name = describe.severity(severity)
        stamp = time.strftime("[%H:%M:%S]")
        return f"{stamp} {self.paint(name.upper().ljust(NAME_WIDTH), name)} "

    def paint(self, text: str, style: str) -> str:
        """Returns the text in a style of `text.STYLES`; unchanged if the output has no colours."""
        return styled(text, style) if self.colour else text

    def _send(self) -> None:
        while self._rest and self._poll.poll(0):
            try:
                del self._rest[: os.write(self._fd, self._rest[: self._piece])]
            except BlockingIOError:
                # Another process that shares the descriptor has made it non-blocking.
                return


def _piece_of(fd: int) -> int:
    """Returns the number of bytes that a descriptor which is ready takes without delay."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return 1 << 20
    return select.PIPE_BUF if stat.S_ISFIFO(mode) else _TERMINAL_PIECE
