"""The lower lines of a terminal that are drawn anew, and what is printed for good above them.

The rule: whatever ends the program between two writes finds the cursor visible, on an empty line below.
"""

from collections.abc import Sequence

from gator.console.terminal import Terminal

# ECMA-48 and, for the cursor, DEC's private modes as every terminal of today knows them.
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"


class Screen:
    """Draws on paper that is a terminal.

    The cursor rests at the start of the line below the area. A terminal that became narrower has broken the
    lines of the area into more rows, as those of today do; so the rows to go up are reckoned at each draw.
    """

    def __init__(self, paper: Terminal) -> None:
        self._paper = paper
        self._drawn: list[int] = []
        """Cells of each line of the area as it stands."""
        self._above: list[str] = []

    def print_above(self, text: str) -> None:
        """Prints whole lines for good; they appear with the next draw."""
        self._above.append(text)

    @property
    def waiting(self) -> bool:
        """Whether something is to be printed above."""
        return bool(self._above)

    def draw(self, lines: Sequence[tuple[str, int]]) -> None:
        """Replaces the area; each line comes with its number of cells, which must be less than the columns.

        Does nothing while the terminal takes nothing.
        """
        if not self._paper.ready():
            return
        if not self._paper.in_foreground():
            # The lines above the cursor belong to the shell.
            self.forget()
            if self._above:
                self._paper.write(self._take_above())
            return
        text = self._to_top() + self._take_above()
        text += "".join(f"{line}{_ERASE_LINE}\n" for line, _ in lines)
        text = f"{_HIDE}{text}{_ERASE_BELOW}{_SHOW}"
        self._drawn = [room for _, room in lines]
        self._paper.write(text)

    def forget(self) -> None:
        """Abandons the area: the next drawing starts below the cursor and erases nothing above.

        Must be called when the terminal was resized or others have written to it.
        """
        self._drawn = []

    def close(self) -> None:
        """Takes the area away and prints what is left."""
        self._paper.write(f"{self._to_top()}{_ERASE_BELOW}{self._take_above()}")
        self._drawn = []

    def _to_top(self) -> str:
        columns, _ = self._paper.size()
        rows = sum(max(1, -(-room // columns)) for room in self._drawn)
        return f"\r\x1b[{rows}A" if rows else ""

    def _take_above(self) -> str:
        text = "".join(self._above)
        self._above.clear()
        # Only then is the area erased first: where nothing is printed the screen never flickers.
        return _ERASE_BELOW + text if text and self._drawn else text
