"""Converts regular expressions of JavaScript, as problem matchers have them, to RE2."""

from collections.abc import Mapping, Sequence
from typing import Final

_LOOKS: Final = {"(?=": "look-ahead", "(?!": "look-ahead", "(?<=": "look-behind", "(?<!": "look-behind"}
_SHORT: Final = frozenset("dDwWsSnrtfv")
"""Escapes with the same meaning in both."""


class RegexpError(ValueError):
    """A regular expression has something that RE2 lacks. `part` is that part as written."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


class Regexp:
    """A converted regular expression."""

    def __init__(self, source: str, names: Mapping[int, Sequence[str]]) -> None:
        """Converts; `names` has the names of groups by their number, 0 being the whole match.

        Raises RegexpError.
        """
        self._source, self._names = source, names
        self._at: int = 0
        self._closing: list[str] = []
        self.groups = 0
        """Number of groups that it captures."""
        parts: list[str] = []
        while self._at < len(source):
            parts.append(self._next())
        self.pattern = _named("".join(parts), names.get(0, ()))

    def _next(self) -> str:
        """Returns the next part, converted."""
        source, at = self._source, self._at
        character = source[at]
        self._at += 1
        match character:
            case "\\":
                return self._escape(in_class=False)
            case "[":
                return self._class()
            case "(":
                return self._open()
            case ")":
                return self._closing.pop() if self._closing else ")"
            case _:
                return character

    def _open(self) -> str:
        source, start = self._source, self._at - 1
        for mark, what in _LOOKS.items():
            if source.startswith(mark, start):
                part = source[start : _end_of_group(source, start)]
                raise RegexpError(part, f"RE2 has no {what}: write the pattern without {part}")
        if source.startswith("(?", start) and not source.startswith("(?<", start):
            self._closing.append(")")
            self._at = start + 2
            return "(?"
        if source.startswith("(?<", start):
            end = source.find(">", start)
            self._at = end + 1 if end >= 0 else len(source)
        self.groups += 1
        names = self._names.get(self.groups, ())
        self._closing.append(")" * max(len(names), 1))
        return "".join(f"(?P<{name}>" for name in names) or "(?:"

    def _class(self) -> str:
        """Returns a set of characters."""
        source, start = self._source, self._at - 1
        if source.startswith("[^]", start):
            self._at = start + 3
            return "(?s:.)"
        if source.startswith("[]", start):
            raise RegexpError("[]", "[] matches nothing: write the pattern without it")
        parts = ["["]
        if source.startswith("^", self._at):
            parts.append("^")
            self._at += 1
        while self._at < len(source):
            character = source[self._at]
            self._at += 1
            if character == "]":
                return "".join([*parts, "]"])
            parts.append(self._escape(in_class=True) if character == "\\" else character.replace("[", "\\["))
        return "".join(parts)

    def _escape(self, *, in_class: bool) -> str:
        """Returns an escape, after its backslash."""
        source, start = self._source, self._at - 1
        character = source[self._at : self._at + 1]
        self._at += 1
        if character.isdecimal() and character != "0" and not in_class:
            while source[self._at : self._at + 1].isdecimal():
                self._at += 1
            raise _back_reference(source[start : self._at])
        if character == "k" and source.startswith("<", self._at):
            raise _back_reference(source[start : source.find(">", start) + 1 or len(source)])
        if character in _SHORT:
            return f"\\{character}"
        match character:
            case "b":
                return "\\x08" if in_class else "\\b"
            case "B" if not in_class:
                return "\\B"
            case "0":
                return "\\x00"
            case "x" | "u":
                return self._code_point(4 if character == "u" else 2, character)
            case "":
                return "\\"
            case _:
                return (
                    f"\\{character}"
                    if character.isascii() and not (character.isalnum() or character == "_")
                    else character
                )

    def _code_point(self, digits: int, otherwise: str) -> str:
        source = self._source
        if source.startswith("{", self._at) and digits == 4:
            end = source.find("}", self._at)
            code, after = source[self._at + 1 : end], end + 1
        else:
            code, after = source[self._at : self._at + digits], self._at + digits
        if len(code) < min(digits, 1) or any(digit not in "0123456789abcdefABCDEF" for digit in code):
            return otherwise
        self._at = after
        return f"\\x{{{code}}}"


def _named(pattern: str, names: Sequence[str]) -> str:
    return f"{''.join(f'(?P<{name}>' for name in names)}{pattern}{')' * len(names)}"


def _back_reference(part: str) -> RegexpError:
    return RegexpError(part, f"RE2 has no back-reference: write the pattern without {part}")


def _end_of_group(source: str, start: int) -> int:
    """Returns the end of the group that begins at `start`."""
    depth, at = 0, start
    while at < len(source):
        character = source[at]
        if character == "\\":
            at += 1
        elif character == "[":
            while at < len(source) and source[at] != "]":
                at += 2 if source[at] == "\\" else 1
        elif character in "()":
            depth += 1 if character == "(" else -1
            if not depth:
                return at + 1
        at += 1
    return len(source)
