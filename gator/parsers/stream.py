"""Joins the lines of one stream to messages.

Invariant: a message is the same however the stream was cut into blocks.
"""

from gator.parsers.assembly import MAX_LINES, MAX_TAIL, PartialMessage, groups_of
from gator.parsers.definition import Entry, Recognised
from gator.parsers.line_text import BLANKS, is_blank, visible
from gator.parsers.rules import MAX_LINE_CHARACTERS, SMALL_BYTES, Rules
from gator.v1 import spec_pb2

MAX_REPEATS = 10_000
"""Maximum number of further messages of an entry with `loop`."""


class StreamParser:
    """Recognises the messages in one stream of one attempt."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._partial: PartialMessage | None = None
        self.first_plain = (0, b"")
        """Number and bytes of the first visible line that belongs to no message; 0 before there is one."""
        self.last_line = 0
        """Number of the last line."""
        self.is_plain = True
        """Whether the last block is known to have no line that the rules search for."""
        self._block, self._last = b"", b""
        """The block that is read, and the last line of the one before it."""
        self._at = self._next = 0
        """Where the line that is read begins in the block, and where the next one does."""
        self._taken = 0
        """Number of the last line that belongs to a message."""
        self._taken_by: Entry | None = None
        """The entry of that message."""
        self._before: tuple[str, dict[str, str]] = ("", {})
        """The parser of the last message that took the line before it, and the groups of that line."""

    def feed(self, first_line: int, data: bytes) -> list[Recognised]:
        """Returns the messages that end in complete lines, which begin in line `first_line`."""
        self.last_line = first_line + data.count(b"\n") - data.endswith(b"\n")
        messages: list[Recognised] = []
        self._block = data
        following = self._rules.candidates(data)
        size, start, number, counted = len(data), 0, first_line, 0
        self.is_plain = self._partial is None and size > SMALL_BYTES
        while start < size:
            if self._partial is not None:
                start = self._continue(data, start, messages)
                continue
            at = following(start)
            begin = start
            start = size if at < 0 else data.rfind(b"\n", start, at) + 1 or start
            if not self.first_plain[0] and start > begin:
                self._find_plain(number + data.count(b"\n", counted, begin), data[begin:start])
            if at < 0:
                break
            self.is_plain = False
            end = data.find(b"\n", at)
            if end < 0:
                end = size
            number += data.count(b"\n", counted, start)
            counted = start
            self._at, self._next = start, end + 1
            self._start(number, visible(data[start:end]), messages, is_read=True)
            start = self._next
        self._block, self._last = b"", data[data.rfind(b"\n", 0, -1) + 1 :]
        return messages

    def _continue(self, data: bytes, start: int, messages: list[Recognised]) -> int:
        """Adds the lines from a position on to the open message, and closes it if one does not belong to it.

        Returns the position of the first line that was not added. That line may begin a message.
        """
        size = len(data)
        while self._partial is not None and start < size:
            message = self._partial
            if message.entry.only_continues:
                start = self._add_while_it_continues(message, data, start)
                if start < size:
                    self._close(messages)
                break
            end = data.find(b"\n", start)
            if end < 0:
                end = size
            text = visible(data[start:end])
            if not self._belongs(message, text):
                if not self._retreat(messages):
                    self._close(messages)
                continue
            start = end + 1
        return start

    def _add_while_it_continues(self, message: PartialMessage, data: bytes, start: int) -> int:
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
        messages: list[Recognised] = []
        while self._retreat(messages):
            pass
        if self._partial is not None:
            self._partial.accept_tail()
        self._close(messages)
        return messages

    def _line(self, number: int, text: str, messages: list[Recognised]) -> None:
        if self._partial is not None:
            if self._belongs(self._partial, text):
                return
            if self._retreat(messages):
                self._line(number, text, messages)
                return
        self._close(messages)
        self._start(number, text, messages)

    def _start(
        self,
        number: int,
        text: str,
        messages: list[Recognised],
        after: Entry | None = None,
        *,
        is_read: bool = False,
    ) -> None:
        """Begins a message in a line, with an entry after `after`; `is_read` if it is read from the block."""
        hit = self._rules.find(text, after) if not is_blank(text) else None
        if hit is None:
            if not self.first_plain[0] and text.strip():
                self.first_plain = (number, text.encode())
            return
        entry, match = hit
        if is_read and self._rules.is_simple(entry):
            self._read_simple(entry, number, text, groups_of(match), messages)
            return
        message = PartialMessage(entry, number, groups_of(match), [text])
        message.is_logged = bool(entry.final) and self._follows_log_line(number)
        if entry.before and is_read:
            self._take_line_before(message, self._at)
        if entry.continues or entry.until or entry.then or entry.tail:
            self._partial = message
            if not (entry.continues or entry.until or entry.then):
                message.is_complete = message.has_end = True
        else:
            messages.append(self._recognised(message))

    def _follows_log_line(self, number: int) -> bool:
        """Returns whether the line before one is of a logger, which then wrote this line too."""
        by = self._taken_by
        return by is not None and self._taken == number - 1 and by.rank == spec_pb2.PARSER_RANK_GENERAL

    def _read_simple(
        self, entry: Entry, number: int, text: str, groups: dict[str, str], messages: list[Recognised]
    ) -> None:
        """Reads a message of an entry that has only `continues`, or nothing, to its end or that of the block.

        Most messages of compilers are such, and the way through `_continue` would take twice the time.
        """
        lines = [text]
        if entry.continues:
            continues, data, start = self._rules.pattern(entry.continues), self._block, self._next
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
            self._next = start
            if start >= size:
                self._partial = PartialMessage(entry, number, groups, lines)
                return
        self._taken, self._taken_by = number + len(lines) - 1, entry
        messages.append(Recognised(entry=entry, line=number, key=0, lines=lines, groups=groups))

    def _take_line_before(self, message: PartialMessage, at: int) -> None:
        """Starts a message at the line before it, unless that line is in another one.

        Messages of one parser that follow each other share the line before the first of them, such as the
        name of a file.
        """
        parser = message.entry.parser
        if self._taken >= message.first - 1:
            if self._taken == message.first - 1 and self._before[0] == parser:
                message.groups |= self._before[1]
            return
        self._before = ("", {})
        data = self._block
        line = data[data.rfind(b"\n", 0, at - 1) + 1 : at - 1] if at else self._last.removesuffix(b"\n")
        text = visible(line)
        match = self._rules.pattern(message.entry.before)(text[:MAX_LINE_CHARACTERS])
        if match is None:
            return
        message.first -= 1
        message.has_before = True
        message.lines.insert(0, text)
        groups = groups_of(match)
        message.groups |= groups
        if "message" not in groups:
            message.key = 1
            self._before = (parser, groups)
        if self.first_plain[0] == message.first:
            self.first_plain = (0, b"")

    def _retreat(self, messages: list[Recognised]) -> bool:
        """Tries the next entry if the open message lacks the line that its entry needs.

        Returns whether it did.
        """
        message = self._partial
        if message is None or message.has_required_line or not (message.entry.needs or message.entry.then):
            return False
        self._partial = None
        begin = int(message.has_before)
        self._start(message.first + begin, message.lines[begin], messages, message.entry)
        for offset, line in enumerate(message.lines[begin + 1 :], begin + 1):
            self._line(message.first + offset, line, messages)
        return True

    def _find_plain(self, number: int, data: bytes) -> None:
        for line in data.removesuffix(b"\n").split(b"\n"):
            if visible(line).strip():
                self.first_plain = (number, line)
                return
            number += 1

    def _belongs(self, message: PartialMessage, text: str) -> bool:
        """Adds a line to an open message if it belongs to it."""
        entry = message.entry
        if entry.then and not message.is_complete:
            if self._follows(message, text):
                return True
            if not (message.has_required_line and entry.tail):
                return False
            message.is_complete = message.has_end = True
        if not message.has_room():
            return False
        if message.is_complete:
            return self._joins(message, text)
        line = text[:MAX_LINE_CHARACTERS]
        if entry.until and self._rules.pattern(entry.until)(line):
            message.is_complete = message.has_end = True
        elif entry.continues and not self._goes_on(message, line):
            message.is_complete = True
            return self._joins(message, text)
        self._add(message, text)
        return True

    def _goes_on(self, message: PartialMessage, line: str) -> bool:
        """Returns whether a line matches `continues`, and adds its text to that of the message.

        A line that a parser recognises is only text after a line that ends with a colon.
        """
        match = self._rules.pattern(message.entry.continues)(line)
        if match is None or not message.entry.has_text_lines or match["message"] is None:
            return match is not None
        may_be_text = len(message.lines) <= MAX_TAIL and not message.has_required_line
        if not may_be_text or not (message.lines[-1].endswith(":") or self._rules.find(line) is None):
            return False
        message.add_text(match["message"])
        return True

    def _follows(self, message: PartialMessage, text: str) -> bool:
        """Adds a line to a message with patterns for its lines, if the next pattern matches."""
        then = message.entry.then
        if message.has_required_line and (not message.entry.loop or len(message.repeats) >= MAX_REPEATS):
            return False
        pattern = then[-1] if message.has_required_line else then[len(message.lines) - 1 - message.has_before]
        match = self._rules.pattern(pattern)(text[:MAX_LINE_CHARACTERS])
        if match is None:
            return False
        if message.has_required_line and is_blank(text):
            return False
        if message.has_required_line:
            message.repeats.append((text, message.before | groups_of(match)))
            return True
        message.before = message.groups
        message.groups = message.groups | groups_of(match)
        message.key = len(message.lines)
        message.lines.append(text)
        message.has_required_line = len(message.lines) - message.has_before > len(then)
        return True

    def _joins(self, message: PartialMessage, text: str) -> bool:
        """Adds a line after the last one of a message, if another part may follow, or if it is text of it."""
        entry = message.entry
        line = text[:MAX_LINE_CHARACTERS]
        is_joined = bool(entry.joins) and self._rules.pattern(entry.joins)(line) is not None
        if is_joined or (message.tail and not line):
            message.joined.append(text)
            return True
        may_have_tail = entry.tail and message.has_end and not (message.joined or message.is_logged)
        if may_have_tail and self._is_tail(message, line):
            message.tail.append(text)
            return True
        if message.tail and self._is_after_end(message, line):
            message.accept_tail()
        if not entry.joins or not message.joined:
            return False
        match = self._rules.pattern(entry.match)(line)
        if match is None or not any(message.joined):
            return False
        message.join(groups_of(match))
        self._add(message, text)
        return True

    def _is_after_end(self, message: PartialMessage, line: str) -> bool:
        """Returns whether a line only says that a program failed, such as the `Aborted` of a shell."""
        hit = self._rules.find(line)
        if hit is None:
            return False
        rank, parser = hit[0].rank, hit[0].parser
        is_of_end = parser in (message.entry.parser, "shell") and rank == spec_pb2.PARSER_RANK_GENERAL
        return is_of_end or rank == spec_pb2.PARSER_RANK_CONSEQUENCE

    def _is_tail(self, message: PartialMessage, line: str) -> bool:
        """Returns whether a line may belong to the text of a message that has ended.

        Any line may after a colon, else only one that no parser recognises.
        """
        if len(message.tail) >= MAX_TAIL or not self._rules.pattern(message.entry.tail)(line):
            return False
        last = message.tail[-1] if message.tail else message.lines[-1]
        return last.endswith(":") or line[0] in BLANKS or self._rules.find(line) is None

    def _add(self, message: PartialMessage, text: str) -> None:
        message.lines.append(text)
        entry = message.entry
        if message.is_complete or entry.has_keys:
            self._read(message, entry, text[:MAX_LINE_CHARACTERS])

    def _read(self, message: PartialMessage, entry: Entry, line: str) -> None:
        """Reads fields of a message from a line after its first."""
        if entry.needs and self._rules.pattern(entry.needs)(line):
            message.has_required_line = True
        index = len(message.lines) - 1
        pattern = entry.root or (entry.key if not message.key else "")
        is_last = message.is_complete and bool(entry.until)
        if is_last and not (entry.key or entry.root):
            pattern = entry.until
        if pattern and (match := self._rules.pattern(pattern)(line)) and (groups := groups_of(match)):
            message.groups.update(groups)
            message.key = index
        for where in (entry.where, entry.until if is_last and pattern != entry.until else ""):
            if where and (match := self._rules.pattern(where)(line)) and (groups := groups_of(match)):
                message.add_location(line, groups)

    def _close(self, messages: list[Recognised]) -> None:
        """Ends the open message. Lines after its last one are read again if they do not belong to it."""
        message, self._partial = self._partial, None
        if message is None:
            return
        messages.append(self._recognised(message))
        first = message.first + len(message.lines) + message.skipped
        for number, (text, groups) in enumerate(message.repeats, first):
            messages.append(self._recognised(PartialMessage(message.entry, number, groups, [text])))
        for number, text in enumerate(message.tail, first):
            self._line(number, text, messages)

    def _recognised(self, message: PartialMessage) -> Recognised:
        entry, lines = message.entry, message.lines
        recognised = message.recognised(
            is_consequence=bool(entry.consequence) and self._is_found(entry.consequence, lines[message.key]),
            is_final=bool(entry.final)
            and not message.is_logged
            and self._is_found(entry.final, lines[0], lines[-1]),
        )
        self._taken, self._taken_by = recognised.last_line, entry
        return recognised

    def _is_found(self, pattern: str, *lines: str) -> bool:
        """Returns whether a pattern matches one of the lines."""
        search = self._rules.pattern(pattern)
        return any(search(line[:MAX_LINE_CHARACTERS]) is not None for line in lines)
