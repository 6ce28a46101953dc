"""The definition of an entry of a parser, and the message that it recognises."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from gator.parsers.words import words_of
from gator.v1 import common_pb2, spec_pb2

MAX_TEXT = 1000
"""Maximum number of characters of the text of a message."""
MAX_HEAD = 250
"""Number of lines that are kept at the beginning of a message in whose middle lines are left out."""


SEVERITY_OF_WORD: Final = {
    **dict.fromkeys(("i", "info", "information", "note", "notice", "hint"), common_pb2.SEVERITY_INFO),
    **dict.fromkeys(("w", "warn", "warning"), common_pb2.SEVERITY_WARNING),
    **dict.fromkeys(("e", "err", "error"), common_pb2.SEVERITY_ERROR),
    **dict.fromkeys(("fatal", "fatal error", "critical"), common_pb2.SEVERITY_CRITICAL),
}
"""Severities by the words of tools in lower case."""


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of message. Patterns have the syntax of RE2."""

    parser: str
    """Name of the parser."""
    match: str
    """Pattern of the line in which the message begins, without blanks and escape sequences at its end."""
    severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_ERROR
    decisive: bool = False
    """Whether the message fails a job that returned 0, because the tool returns 0 although it failed."""
    rank: spec_pb2.ParserRank.ValueType = spec_pb2.PARSER_RANK_CAUSE
    """How likely it explains a failure; a smaller rank is preferred."""
    continues: str = ""
    """Pattern of the following lines that belong to the message, up to the first that does not match. The
    group `message` is further text, until the line that the entry needs has come."""
    until: str = ""
    """Pattern of the last line of the message; all lines before it belong to it."""
    key: str = ""
    """Pattern of a later line of the message. The groups of the first such line replace those of the first
    line of the message."""
    root: str = ""
    """As `key`, but the last such line counts."""
    joins: str = ""
    """Pattern of lines between two messages of this entry; the second one explains the failure."""
    metric: str = ""
    """Name of a metric: the line is a summary and no message, and the group `value` is the metric's value."""
    where: str = ""
    """Pattern of other lines of the message that say where. The groups that the message does not have are
    taken from the one nearest to the line with the explaining text."""
    needs: str = ""
    """Pattern of a line without which it is not a message of this entry; the first line is then tried with
    the entries after this one."""
    then: tuple[str, ...] = ()
    """Patterns of the lines that must follow, one for each; else the first line is tried with the entries
    after this one."""
    loop: bool = False
    """Whether further lines that match the last pattern of `then` are messages of their own."""
    before: str = ""
    """Pattern of the line before the first one. If it matches and is in no other message, it begins the
    message, and explains the failure if it has the group `message`. Messages of the parser that follow it
    directly share its groups."""
    tail: str = ""
    """Pattern of lines after the last one that belong to its text if the output then ends, or goes on with a
    consequence."""
    final: str = ""
    """Pattern of the first or last line of a message that ended its program. Near the end of the output, it
    is preferred to messages of such entries before it."""
    consequence: str = ""
    """Pattern of the line that explains the failure; if it matches, the rank is that of a consequence."""
    test: bool = False
    """Whether the group `item` is the name of a test that failed, which is then a cause of its own."""
    words: tuple[str, ...] = ()
    """Text in lower case; each line that matches contains one of them. Lines are not searched for an entry of
    severity INFO without words: it only takes lines from the entries after it."""

    @property
    def has_keys(self) -> bool:
        """Whether lines after the first have fields of the message."""
        return bool(self.key or self.root or self.where or self.needs)

    @property
    def has_text_lines(self) -> bool:
        """Whether lines that match `continues` may go on with the text of the message."""
        return "(?P<message>" in self.continues

    @property
    def is_simple(self) -> bool:
        """Whether `match` has all fields of its messages, and `continues`, if it is set, their last line."""
        others = (self.until, self.then, self.joins, self.before, self.tail, self.final, self.consequence)
        has_made_fields = "(?P<location>" in self.match or "(?P<properties>" in self.match
        return not (any(others) or self.has_keys or has_made_fields or self.has_text_lines)

    @property
    def only_continues(self) -> bool:
        """Whether `continues` alone says which lines after the first belong to the message."""
        others = (self.until, self.then, self.joins)
        return bool(self.continues) and not (any(others) or self.has_keys or self.has_text_lines)


def entries_of(parser: spec_pb2.Parser) -> tuple[Entry, ...]:
    """Returns the entries of a parser."""
    return tuple(
        Entry(
            parser=parser.name,
            match=each.match,
            severity=each.severity,
            decisive=each.decisive,
            rank=each.rank,
            continues=each.continues,
            until=each.until,
            key=each.key,
            root=each.root,
            joins=each.joins,
            metric=each.metric,
            where=each.where,
            needs=each.needs,
            then=tuple(each.then),
            loop=each.loop,
            before=each.before,
            tail=each.tail,
            final=each.final,
            consequence=each.consequence,
            test=each.test,
            words=tuple(each.words) or words_of(each.match),
        )
        for each in parser.entries
    )


class Recognised(Struct, kw_only=True):
    """A message of a tool. Its parts are made when they are asked for, because most are only counted."""

    entry: Entry
    line: int
    """Number of its first line in its stream, from 1."""
    key: int
    """Index in `lines` of the line with the text that explains the failure."""
    lines: list[str]
    groups: dict[str, str]
    """The values that the groups of the patterns matched."""
    skipped: int = 0
    """Number of lines after the first `MAX_HEAD` that are not in `lines`, because there were too many."""
    is_consequence: bool = False
    """Whether it only says that something before it failed."""
    is_final: bool = False
    """Whether it ended its program."""
    is_logged: bool = False
    """Whether it is an exception that a logger wrote."""

    @property
    def severity(self) -> common_pb2.Severity.ValueType:
        """Its severity: as the tool says it, if a group has it, else that of the entry."""
        word = self.groups.get("severity")
        return SEVERITY_OF_WORD.get(word.lower(), self.entry.severity) if word else self.entry.severity

    @property
    def rank(self) -> int:
        """How likely it explains a failure; a smaller rank is preferred."""
        return spec_pb2.PARSER_RANK_CONSEQUENCE if self.is_consequence else self.entry.rank

    @property
    def key_line(self) -> int:
        """Number of the line with the text that explains the failure."""
        return self.line + self.key + (self.skipped if self.key >= MAX_HEAD else 0)

    @property
    def last_line(self) -> int:
        """Number of its last line."""
        return self.line + len(self.lines) + self.skipped - 1

    @property
    def text(self) -> str:
        """All its lines, cut to 1,000 characters around the one that explains the failure."""
        return bounded_text(self.lines, self.key)

    @property
    def message(self) -> str:
        """The text that explains the failure, without its place and code."""
        return self.groups.get("message", self.lines[self.key]).strip()[:MAX_TEXT]

    @property
    def file(self) -> str:
        """Source file to which it refers; empty if it is not known."""
        return self.groups.get("file", "")

    @property
    def file_line(self) -> int:
        """Line in that file, from 1; 0 if it is not known."""
        return _number(self.groups.get("line", ""))

    @property
    def column(self) -> int:
        """Column in that line, from 1; 0 if it is not known."""
        return _number(self.groups.get("column", ""))

    @property
    def code(self) -> str:
        """Code of the message; empty if it has none."""
        return self.groups.get("code", "")

    @property
    def item(self) -> str:
        """The test, function or instance concerned; empty if unknown."""
        return self.groups.get("item", "")

    @property
    def value(self) -> str:
        """The number in a summary."""
        return self.groups.get("value", "")


def _number(text: str) -> int:
    return min(int(text), 2**31 - 1) if text.isdecimal() else 0


def bounded_text(lines: Sequence[str], key: int) -> str:
    """Returns lines as one string of at most `MAX_TEXT` characters; line `key` is never left out."""
    text = "\n".join(lines)
    if len(text) <= MAX_TEXT:
        return text
    kept = lines[key][: MAX_TEXT - 2]
    before, after = "\n".join(lines[:key]), "\n".join(lines[key + 1 :])
    room = MAX_TEXT - len(kept) - 4
    if before:
        head = min(room // 2 if after else room, 200)
        kept = f"{before[:head]}…\n{kept}" if len(before) > head else f"{before}\n{kept}"
    if after and (room := MAX_TEXT - len(kept) - 2) > 0:
        kept = f"{kept}\n{after}" if len(after) <= room else f"{kept}\n{after[:room]}…"
    return kept
