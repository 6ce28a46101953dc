"""Redraws the lowest lines of a terminal, and prints permanent lines above them.

Invariant: between two writes the cursor is visible and on an empty line below, so the program may end.
"""

from collections.abc import Sequence

from gator.console.terminal import Terminal

# The sequences are of ECMA-48; those for the cursor are private modes of DEC that all terminals support.
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"


class Screen:
    """Draws the lower lines of a terminal.

    The cursor rests at the start of the line below the area. A terminal that became narrower has wrapped the
    lines of the area into more rows, so the number of rows to go up is computed at each redraw.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._drawn: list[int] = []
        """Number of cells of each line of the area."""
        self._above: list[str] = []

    def print_above(self, text: str) -> None:
        """Prints permanent lines; they appear with the next redraw."""
        self._above.append(text)

    @property
    def waiting(self) -> bool:
        """Whether there are lines to print above the area."""
        return bool(self._above)

    def draw(self, lines: Sequence[tuple[str, int]]) -> None:
        """Replaces the area; each line has a number of cells, which must be less than the columns.

        Does nothing while the terminal accepts no output.
        """
        if not self._terminal.ready():
            return
        if not self._terminal.in_foreground():
            # The lines above the cursor belong to the shell.
            self.forget()
            if self._above:
                self._terminal.write(self._take_above())
            return
        text = self._to_top() + self._take_above()
        text += "".join(f"{line}{_ERASE_LINE}\n" for line, _ in lines)
        text = f"{_HIDE}{text}{_ERASE_BELOW}{_SHOW}"
        self._drawn = [room for _, room in lines]
        self._terminal.write(text)

    def forget(self) -> None:
        """Abandons the area: the next redraw starts below the cursor and erases nothing above.

        Must be called when the terminal was resized or others have written to it.
        """
        self._drawn = []

    def close(self) -> None:
        """Removes the area and prints the remaining lines."""
        self._terminal.write(f"{self._to_top()}{_ERASE_BELOW}{self._take_above()}")
        self._drawn = []

    def _to_top(self) -> str:
        columns, _ = self._terminal.size()
        rows = sum(max(1, -(-room // columns)) for room in self._drawn)
        return f"\r\x1b[{rows}A" if rows else ""

    def _take_above(self) -> str:
        text = "".join(self._above)
        self._above.clear()
        # The area is erased first only if there is text, so that the screen does not flicker otherwise.
        return _ERASE_BELOW + text if text and self._drawn else text
