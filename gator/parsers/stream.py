"""Joins the lines of one stream to messages.

Invariant: a message is the same however the stream was cut into blocks.
"""

import re

from msgspec import Struct, field

from gator.ansi import ANSI_PATTERN, BLANKS_PATTERN, UNFINISHED_PATTERN
from gator.parsers.definition import Entry, Recognised
from gator.parsers.percent import with_properties
from gator.parsers.rules import MAX_LINE_CHARACTERS, Rules

MAX_LINES = 500
"""Maximum number of lines of one message."""
MAX_REPEATS = 10_000
"""Maximum number of further messages of an entry with `loop`."""
_BLANKS = " \t\r\v\f"
_ESCAPES = re.compile(ANSI_PATTERN.decode())
_BLANK = re.compile(f"{BLANKS_PATTERN.decode()}*(?:{UNFINISHED_PATTERN.decode()})?")
_BLANK_STARTS = f"{_BLANKS}\x1b"


def visible(line: bytes) -> str:
    r"""Returns the text of a line as patterns see it.

    Escape sequences and blanks at its end are removed; of a progress bar, which overwrites itself after each
    `\r`, the last state remains.
    """
    text = line.decode("utf-8", "backslashreplace")
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    text = text.rstrip(_BLANKS)
    return text[text.rfind("\r") + 1 :] if "\r" in text else text


def is_blank(text: str) -> bool:
    """Returns whether a terminal shows nothing of the text of a line; such a line begins no message."""
    return not text or text.isspace() or (text[0] in _BLANK_STARTS and _BLANK.fullmatch(text) is not None)


class _Open(Struct):
    """A message whose end was not seen yet."""

    entry: Entry
    first: int
    groups: dict[str, str]
    lines: list[str] = field(default_factory=list[str])
    key: int = 0
    """Index of the key line in `lines`."""
    is_complete: bool = False
    """Whether its last line was seen; only `joins` can continue it."""
    is_met: bool = False
    """Whether the line that the entry needs was seen."""
    places: list[tuple[int, dict[str, str]]] = field(default_factory=list[tuple[int, dict[str, str]]])
    """Index and groups of the lines that say where."""
    before: dict[str, str] = field(default_factory=dict[str, str])
    """Groups of the lines before the last one of `then`."""
    repeats: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    """Further lines that are messages of their own, with the groups of these."""
    joined: list[str] = field(default_factory=list[str])
    """Lines after the last one that belong to it only if another part follows."""


class StreamParser:
    """Recognises the messages in one stream of one attempt."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._open: _Open | None = None
        self.first_plain = (0, b"")
        """Number and bytes of the first visible line that belongs to no message; 0 before there is one."""
        self.last_line = 0
        """Number of the last line."""

    def feed(self, first_line: int, data: bytes) -> list[Recognised]:
        """Returns the messages that end in complete lines, which begin in line `first_line`."""
        self.last_line = first_line + data.count(b"\n") - data.endswith(b"\n")
        found: list[Recognised] = []
        following = self._rules.candidates(data)
        size, start, number, counted = len(data), 0, first_line, 0
        while start < size:
            if self._open is not None:
                start = self._continue(data, start, found)
                continue
            at = following(start)
            begin = start
            start = size if at < 0 else data.rfind(b"\n", start, at) + 1 or start
            if not self.first_plain[0] and start > begin:
                self._find_plain(number + data.count(b"\n", counted, begin), data[begin:start])
            if at < 0:
                break
            end = data.find(b"\n", at)
            if end < 0:
                end = size
            number += data.count(b"\n", counted, start)
            counted = start
            self._start(number, visible(data[start:end]), found)
            start = end + 1
        return found

    def _continue(self, data: bytes, start: int, found: list[Recognised]) -> int:
        """Adds the lines from a position on to the open message, and closes it if one does not belong to it.

        Returns the position of the first line that was not added. That line may begin a message.
        """
        size = len(data)
        while self._open is not None and start < size:
            message = self._open
            if message.entry.only_continues:
                start = self._add_while_it_continues(message, data, start)
                if start < size:
                    self._close(found)
                break
            end = data.find(b"\n", start)
            if end < 0:
                end = size
            text = visible(data[start:end])
            if not self._belongs(message, text):
                if not self._retreat(found):
                    self._close(found)
                continue
            start = end + 1
        return start

    def _add_while_it_continues(self, message: _Open, data: bytes, start: int) -> int:
        """Does the work of `_belongs` for several lines of an entry that only has `continues`.

        Most messages of compilers are such, and a call for each line would take twice the time. Returns the
        position of the first line that was not added.
        """
        continues, lines = self._rules.pattern(message.entry.continues), message.lines
        size = len(data)
        while start < size:
            end = data.find(b"\n", start)
            if end < 0:
                end = size
            text = visible(data[start:end])
            if len(lines) >= MAX_LINES or not continues(text[:MAX_LINE_CHARACTERS]):
                break
            lines.append(text)
            start = end + 1
        return start

    def finish(self) -> list[Recognised]:
        """Returns the last message of the stream, if it was still open."""
        found: list[Recognised] = []
        while self._retreat(found):
            pass
        self._close(found)
        return found

    def _line(self, number: int, text: str, found: list[Recognised]) -> None:
        if self._open is not None:
            if self._belongs(self._open, text):
                return
            if self._retreat(found):
                self._line(number, text, found)
                return
        self._close(found)
        self._start(number, text, found)

    def _start(self, number: int, text: str, found: list[Recognised], after: Entry | None = None) -> None:
        """Begins a message in a line, with an entry after `after`."""
        hit = self._rules.find(text, after) if not is_blank(text) else None
        if hit is None:
            if not self.first_plain[0] and text.strip():
                self.first_plain = (number, text.encode())
            return
        entry, match = hit
        message = _Open(entry, number, _groups(match), [text])
        if entry.continues or entry.until or entry.then:
            self._open = message
        else:
            found.append(self._recognised(message))

    def _retreat(self, found: list[Recognised]) -> bool:
        """Tries the next entry if the open message lacks the line that its entry needs.

        Returns whether it did.
        """
        message = self._open
        if message is None or message.is_met or not (message.entry.needs or message.entry.then):
            return False
        self._open = None
        self._start(message.first, message.lines[0], found, message.entry)
        for offset, line in enumerate(message.lines[1:], 1):
            self._line(message.first + offset, line, found)
        return True

    def _find_plain(self, number: int, data: bytes) -> None:
        for line in data.removesuffix(b"\n").split(b"\n"):
            if visible(line).strip():
                self.first_plain = (number, line)
                return
            number += 1

    def _belongs(self, message: _Open, text: str) -> bool:
        """Adds a line to an open message if it belongs to it."""
        entry = message.entry
        if entry.then:
            return self._follows(message, text)
        if len(message.lines) + len(message.joined) >= MAX_LINES:
            return False
        if message.is_complete:
            return self._joins(message, text)
        line = text[:MAX_LINE_CHARACTERS]
        if entry.until and self._rules.pattern(entry.until)(line):
            message.is_complete = True
        elif entry.continues and not self._rules.pattern(entry.continues)(line):
            message.is_complete = True
            return self._joins(message, text)
        self._add(message, text)
        return True

    def _follows(self, message: _Open, text: str) -> bool:
        """Adds a line to a message with patterns for its lines, if the next pattern matches."""
        then = message.entry.then
        if message.is_met and (not message.entry.loop or len(message.repeats) >= MAX_REPEATS):
            return False
        pattern = then[-1] if message.is_met else then[len(message.lines) - 1]
        match = self._rules.pattern(pattern)(text[:MAX_LINE_CHARACTERS])
        if match is None:
            return False
        if message.is_met and is_blank(text):
            return False
        if message.is_met:
            message.repeats.append((text, message.before | _groups(match)))
            return True
        message.before = message.groups
        message.groups = message.groups | _groups(match)
        message.key = len(message.lines)
        message.lines.append(text)
        message.is_met = len(message.lines) > len(then)
        return True

    def _joins(self, message: _Open, text: str) -> bool:
        entry = message.entry
        if not entry.joins:
            return False
        line = text[:MAX_LINE_CHARACTERS]
        if self._rules.pattern(entry.joins)(line):
            message.joined.append(text)
            return True
        if not message.joined:
            return False
        match = self._rules.pattern(entry.match)(line)
        if match is None or not any(message.joined):
            return False
        message.lines.extend(message.joined)
        message.joined.clear()
        message.is_complete = False
        message.groups = _groups(match)
        self._add(message, text)
        return True

    def _add(self, message: _Open, text: str) -> None:
        message.lines.append(text)
        entry = message.entry
        if message.is_complete or entry.has_keys:
            self._read(message, entry, text[:MAX_LINE_CHARACTERS])

    def _read(self, message: _Open, entry: Entry, line: str) -> None:
        """Takes the fields of a message from a line after its first."""
        if entry.needs and self._rules.pattern(entry.needs)(line):
            message.is_met = True
        index = len(message.lines) - 1
        pattern = entry.root or (entry.key if not message.key else "")
        is_last = message.is_complete and bool(entry.until)
        if is_last and not (entry.key or entry.root):
            pattern = entry.until
        if pattern and (match := self._rules.pattern(pattern)(line)) and (groups := _groups(match)):
            message.groups.update(groups)
            message.key = index
        for where in (entry.where, entry.until if is_last and pattern != entry.until else ""):
            if where and (match := self._rules.pattern(where)(line)) and (groups := _groups(match)):
                message.places.append((index, groups))

    def _close(self, found: list[Recognised]) -> None:
        message, self._open = self._open, None
        if message is None:
            return
        found.append(self._recognised(message))
        first = message.first + len(message.lines)
        for number, (text, groups) in enumerate(message.repeats, first):
            found.append(self._recognised(_Open(message.entry, number, groups, [text])))

    def _recognised(self, message: _Open) -> Recognised:
        is_consequence = False
        if pattern := message.entry.consequence:
            line = message.lines[message.key][:MAX_LINE_CHARACTERS]
            is_consequence = self._rules.pattern(pattern)(line) is not None
        return _recognised(message, is_consequence=is_consequence)


def _groups(match: "re.Match[str]") -> dict[str, str]:
    return {name: value for name, value in match.groupdict().items() if value is not None}


def _recognised(message: _Open, *, is_consequence: bool) -> Recognised:
    groups = message.groups
    if message.places:
        _, nearest = min(message.places, key=lambda entry: (abs(entry[0] - message.key), -entry[0]))
        groups = nearest | groups
    lines = message.lines
    if "location" in groups:
        line, _, column = groups["location"].partition(",")
        groups |= {"line": line.strip(), "column": column.partition(",")[0].strip()}
    if "properties" in groups:
        groups = with_properties(groups)
        lines = [groups["message"]]
    return Recognised(
        entry=message.entry,
        line=message.first,
        key=message.key,
        lines=lines,
        groups=groups,
        is_consequence=is_consequence,
    )
