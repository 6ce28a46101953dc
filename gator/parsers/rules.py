"""Finds the entry that recognises a line.

Lines are found in two steps. A union of short words is searched for over a whole block, which takes less than
a microsecond a line; the lines with one of them are tested with all patterns at once. Everything is compiled
when it is first needed, because most jobs print nothing that is recognised.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from typing import Any, cast

from gator.parsers.definition import Entry
from gator.parsers.words import shortest_words
from gator.spec.keys import ENTRY_PATTERNS
from gator.v1 import common_pb2

MAX_LINE_CHARACTERS = 4096
"""Maximum length of the beginning of a line that is tested."""
SMALL_BYTES = 4096
"""Data up to this size is searched without RE2, whose import takes milliseconds."""

_INFO = common_pb2.SEVERITY_INFO

Match = Callable[[str], "re.Match[str] | None"]


class Rules:
    """Entries in the order of their precedence, and their words if they are known.

    The first `own` entries are those of the job itself. A line that matches a pattern of `others` is a
    candidate too, in data of more than `SMALL_BYTES`. May be shared by all attempts of a process.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        words: Iterable[str] | None = None,
        *,
        own: int = 0,
        others: Sequence[str] = (),
    ) -> None:
        self.entries: tuple[Entry, ...] = tuple(entries)
        self._own = frozenset(map(id, self.entries[:own]))
        if words is None:
            words = shortest_words(word for entry in entries for word in entry.words)
        self._words = tuple(word.encode() for word in words)
        self._wordless = tuple(entry.match for entry in entries if not entry.words and entry.severity > _INFO)
        """Patterns of entries without words, which are searched for themselves."""
        self._others = tuple(others)
        self._matches: dict[str, Match] = {}
        self._last: tuple[str, Sequence[int]] = ("", ())
        """The last line that was searched for, and the numbers of the entries that may recognise it."""
        self._numbers = {id(entry): number for number, entry in enumerate(self.entries)}

    def is_own(self, entry: Entry) -> bool:
        """Returns whether an entry is one of the job itself; its parser may have the name of another."""
        return id(entry) in self._own

    def is_simple(self, entry: Entry) -> bool:
        """Returns whether a message of an entry has its fields in the first line and only `continues`."""
        return id(entry) in self._simple

    @cached_property
    def _simple(self) -> frozenset[int]:
        return frozenset(id(entry) for entry in self.entries if entry.is_simple)

    def candidates(self, data: bytes) -> Callable[[int], int]:
        """Returns a function that returns the position of the next word from a position on; -1 for none."""
        if not self._words and not self._wordless:
            return lambda _: -1
        is_compiled = "_union" in self.__dict__
        if len(data) <= SMALL_BYTES and not self._wordless and not is_compiled:
            lowered = data.lower()
            if not any(word in lowered for word in self._words):
                return lambda _: -1
        search = self._union.search

        def following(start: int) -> int:
            match = search(data, start)
            return -1 if match is None else match.start()

        return following

    def find(self, line: str, after: Entry | None = None) -> "tuple[Entry, re.Match[str]] | None":
        """Returns the first entry that recognises a line, and the match; None if there is none.

        With `after` only the entries after that one are tried.
        """
        line = line[:MAX_LINE_CHARACTERS]
        if after is None or line != self._last[0]:
            self._last = line, self._set.Match(line) or ()
        numbers = self._last[1]
        if not numbers:
            return None
        if after is not None:
            first = self._numbers[id(after)] + 1
            numbers = [number for number in numbers if number >= first]
        for number in sorted(numbers) if len(numbers) > 1 else numbers:
            entry = self.entries[number]
            match = (self._matches.get(entry.match) or self.pattern(entry.match))(line)
            if match is not None:
                return entry, match
        return None

    def pattern(self, pattern: str) -> Match:
        """Returns a function that searches a line for a pattern."""
        match = self._matches.get(pattern)
        if match is None:
            match = self._matches[pattern] = _search_of(pattern)
        return match

    @cached_property
    def _union(self) -> Any:
        import re2

        module = cast("Any", re2)
        options = module.Options()
        if not self._wordless:
            # The bytes need not be UTF-8, and the words are ASCII.
            options.encoding = module.Options.Encoding.LATIN1
        words = [b"(?i:%s)" % module.escape(word) for word in self._words]
        patterns = [b"(?m:%s)" % pattern.encode() for pattern in (*self._wordless, *self._others)]
        return module.compile(b"|".join([*words, *patterns]), options)

    @cached_property
    def _set(self) -> Any:
        import re2

        module = cast("Any", re2)
        search_set = module.Set.SearchSet()
        for entry in self.entries:
            search_set.Add(entry.match)
        search_set.Compile()
        return search_set


def _search_of(pattern: str) -> Match:
    """Returns the search for a pattern.

    Built-in patterns are searched for by `re`, which returns groups eight times as fast as RE2; tests
    hold that both give the same groups. The pattern of a user could take exponential time there.
    """
    if pattern in _builtin_patterns():
        return re.compile(pattern, re.ASCII).search
    import re2

    return cast("Any", re2).compile(pattern).search


@cache
def _builtin_patterns() -> frozenset[str]:
    from gator.parsers.compiled import ENTRIES

    patterns = [getattr(entry, name) for entry in ENTRIES for name in ENTRY_PATTERNS]
    return frozenset([*patterns, *(pattern for entry in ENTRIES for pattern in entry.then)])
