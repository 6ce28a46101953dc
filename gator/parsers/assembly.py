"""A message while its lines are joined."""

import re
from collections.abc import Callable, Sequence
from functools import cache

from msgspec import Struct, field

from gator.parsers.definition import MAX_HEAD, Entry, Recognised
from gator.parsers.percent import with_properties

MAX_LINES = 500
"""Maximum number of lines of a message that are kept."""
MAX_SKIPPED = 100_000
"""Maximum number of lines that are left out in the middle of a message, such as frames of a recursion."""
_DROPPED = 125
"""Number of lines of a long message that are left out at once."""
MAX_TAIL = 20
"""Maximum number of lines after the last one that may belong to the text of a message."""


class SourceLocation(Struct):
    """A line of a message that says where."""

    index: int
    """Index in the lines of the message."""
    groups: dict[str, str]
    is_library: bool = False
    """Whether it is in a library or in the runtime of the language, and not in the code of the user."""


class PartialMessage(Struct):
    """A message whose end was not seen yet."""

    entry: Entry
    first: int
    groups: dict[str, str]
    lines: list[str] = field(default_factory=list[str])
    skipped: int = 0
    """Number of lines that were left out behind the first `MAX_HEAD`."""
    key: int = 0
    """Index of the key line in `lines`."""
    has_before: bool = False
    """Whether the first line is the one before the line of the entry."""
    is_complete: bool = False
    """Whether its last line was seen; only `joins` and `tail` can continue it."""
    has_end: bool = False
    """Whether the last line is the one that `until` matches."""
    is_logged: bool = False
    """Whether a logger wrote it: such an exception ended no program, and its text ends with it."""
    has_required_line: bool = False
    """Whether the line that the entry needs was seen."""
    locations: list[SourceLocation] = field(default_factory=list[SourceLocation])
    before: dict[str, str] = field(default_factory=dict[str, str])
    """Groups of the lines before the last one of `then`."""
    repeats: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    """Further lines that are messages of their own, with the groups of these."""
    tail: list[str] = field(default_factory=list[str])
    """Lines after the last one that belong to its text if the output then ends."""
    joined: list[str] = field(default_factory=list[str])
    """Lines after the last one that belong to it only if another part follows."""

    def has_room(self) -> bool:
        """Returns whether a line can be added.

        Lines are left out in the middle of a message whose last line explains the failure. Without the line
        that the entry needs it may prove not to be a message, so all its lines are kept then.
        """
        if len(self.lines) + len(self.joined) < MAX_LINES:
            return True
        entry = self.entry
        is_cut = bool(entry.until and entry.continues) and (self.has_required_line or not entry.needs)
        if not is_cut or self.is_complete or self.skipped >= MAX_SKIPPED:
            return False
        end = MAX_HEAD + _DROPPED
        del self.lines[MAX_HEAD:end]
        self.skipped += _DROPPED
        self.locations = [
            SourceLocation(
                location.index - (_DROPPED if location.index >= end else 0),
                location.groups,
                location.is_library,
            )
            for location in self.locations
            if not MAX_HEAD <= location.index < end
        ]
        if self.key >= end:
            self.key -= _DROPPED
        return True

    def join(self, groups: dict[str, str]) -> None:
        """Makes the lines after the last one part of the message; `groups` are those of the next part."""
        self.lines += self.tail
        self.lines += self.joined
        self.tail.clear()
        self.joined.clear()
        self.is_complete = self.has_end = False
        self.groups = groups

    def add_location(self, line: str, groups: dict[str, str]) -> None:
        """Records that the last line says where."""
        self.locations.append(
            SourceLocation(len(self.lines) - 1, groups, _library_frame_search()(line) is not None)
        )

    def add_text(self, *lines: str) -> None:
        """Makes lines part of the text of the message."""
        text = self.groups.get("message", "")
        self.groups["message"] = "\n".join([text, *lines] if text else lines)

    def accept_tail(self) -> None:
        """Makes the lines after the last one part of the text of the message."""
        if not self.tail:
            return
        self.add_text(*self.tail)
        self.lines += self.tail
        self.tail.clear()

    def recognised(self, *, is_consequence: bool, is_final: bool) -> Recognised:
        """Returns the message."""
        groups = self.groups
        if self.locations:
            groups = _nearest(self.locations, self.key) | groups
        lines = self.lines
        if "location" in groups:
            line, _, column = groups["location"].partition(",")
            groups |= {"line": line.strip(), "column": column.partition(",")[0].strip()}
        if "properties" in groups:
            groups = with_properties(groups)
            lines = [groups["message"]]
        return Recognised(
            entry=self.entry,
            line=self.first,
            key=self.key,
            lines=lines,
            groups=groups,
            skipped=self.skipped,
            is_consequence=is_consequence,
            is_final=is_final,
            is_logged=self.is_logged,
        )


def groups_of(match: "re.Match[str]") -> dict[str, str]:
    """Returns the groups of a match that took part in it."""
    return {name: value for name, value in match.groupdict().items() if value is not None}


def _nearest(locations: Sequence[SourceLocation], key: int) -> dict[str, str]:
    """Returns the groups of the nearest location in code of the user, or in a library if there is none."""
    own = [location for location in locations if not location.is_library]
    return min(own or locations, key=lambda location: (abs(location.index - key), -location.index)).groups


@cache
def _library_frame_search() -> "Callable[[str], re.Match[str] | None]":
    """Returns the search for what lines of stack traces have that are not in the code of the user."""
    return re.compile(
        r"/node_modules/|\bnode:|/(?:site|dist)-packages/|/lib/python[\d.]+/|<frozen "
        r"|/go(?:-[\d.]+)?/(?:src|pkg/mod)/|/\.cargo/registry/|/rustc/|/rustlib/"
        r"|\bat (?:java|javax|jdk|sun|junit|org\.(?:junit|hamcrest|assertj|testng|gradle|apache\.maven)"
        r"|kotlin|scala|groovy|com\.sun)[./]"
        r"|/gems/|/lib/ruby/|\bvendor/"
    ).search
