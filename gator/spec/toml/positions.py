"""Finds where the keys and the elements of arrays of a TOML file are written.

Invariant: only for text that the parser of the standard library accepts, so that each token is what it looks
like.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

KeyPath: TypeAlias = tuple[str, ...]
"""Keys from the top of the file to a value; elements of arrays have their index."""

_KEY: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEYS: Final = re.compile(rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*")
_PART: Final = re.compile(_KEY)
_SPACE: Final = re.compile(r"(?:\s|#[^\n]*)*")
_SCALAR: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^,\]}#\n]+",
    re.DOTALL,
)


def positions(text: str) -> dict[KeyPath, tuple[int, int]]:
    """Returns line and column, from 0, of keys and elements. Tables in arrays have their index."""
    return _Scanner(text).positions


class _Scanner:
    """Reads the statements of a file in their order."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._line, self._line_start = 0, 0
        self.positions: dict[KeyPath, tuple[int, int]] = {}
        self._counts: dict[KeyPath, int] = {}
        table: KeyPath = ()
        while self._skip():
            if text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self) -> bool:
        """Skips blanks and comments. Returns whether anything follows."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at < len(self._text)

    def _note(self, path: KeyPath) -> None:
        """Records the position of a value. Positions only grow, so lines are counted once."""
        self._line += self._text.count("\n", self._line_start, self._at)
        self._line_start = self._text.rfind("\n", 0, self._at) + 1
        self.positions.setdefault(path, (self._line, self._at - self._line_start))

    def _header(self) -> KeyPath:
        is_array = self._text.startswith("[[", self._at)
        self._at += 1 + is_array
        self._skip()
        keys = list(self._keys())
        table = self._below_elements(keys)
        if is_array:
            index = self._counts[table] = self._counts.get(table, -1) + 1
            table = (*table, str(index))
        self._note(table)
        self._at = self._end_of_keys()
        self._skip()
        self._at += 1 + is_array
        return table

    def _below_elements(self, keys: Sequence[str]) -> KeyPath:
        """Returns the path of a table, below the last element of each array of tables above it."""
        table: KeyPath = ()
        for number, key in enumerate(keys, 1):
            table = (*table, key)
            if number < len(keys) and table in self._counts:
                table = (*table, str(self._counts[table]))
        return table

    def _keys(self) -> Iterator[str]:
        match = _KEYS.match(self._text, self._at)
        for part in _PART.findall(match[0]) if match else ():
            yield part.strip("\"'")

    def _end_of_keys(self) -> int:
        match = _KEYS.match(self._text, self._at)
        return match.end() if match else self._at + 1

    def _pair(self, above: KeyPath) -> None:
        path = (*above, *self._keys())
        self._note(path)
        self._at = self._end_of_keys()
        self._skip()
        self._at += 1  # The equals sign.
        self._skip()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        match self._text[self._at : self._at + 1]:
            case "[":
                self._list(path)
            case "{":
                self._inline_table(path)
            case _:
                match = _SCALAR.match(self._text, self._at)
                self._at = match.end() if match else self._at + 1

    def _list(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while self._skip() and self._text[self._at] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            below = (*path, str(index))
            self._note(below)
            self._value(below)
            index += 1
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while self._skip() and self._text[self._at] != "}":
            if self._text[self._at] == ",":
                self._at += 1
            else:
                self._pair(path)
        self._at += 1


def nearest(path: KeyPath, known: Mapping[KeyPath, tuple[int, int]]) -> tuple[int, int]:
    """Returns where a value is written: for one without a known position, the nearest value around it."""
    while path and path not in known:
        path = path[:-1]
    return known.get(path, (0, 0))
