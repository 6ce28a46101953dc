"""Chooses the message that explains the failure of an attempt.

Messages are preferred by their rank, not by their position: an exception explains more than the `make: ***`
that follows it. The best message of each kind is kept while the output is read.

Invariant: the choice depends on the messages of each stream alone, never on how the streams interleave.
"""

from typing import TypeAlias

from msgspec import Struct

from gator.v1 import common_pb2, event_pb2, spec_pb2

LINE: int = spec_pb2.PARSER_RANK_CONSEQUENCE + 1
"""Rank of a line on stderr that no parser recognised."""

_API, _STDERR, _STDOUT = range(3)
_ORDER = {common_pb2.STREAM_STDERR: _STDERR, common_pb2.STREAM_STDOUT: _STDOUT} | {
    stream: int(stream) for stream in common_pb2.Stream.values() if stream > common_pb2.STREAM_STDERR
}
"""Preference of messages of the same rank; that of files is the number of their stream, above the others."""


Key: TypeAlias = tuple[int, int, int]
"""Rank, order of the stream and number of the line; the smallest is preferred."""
Location: TypeAlias = tuple[str, int]
"""Name of a source file without its folders, and a line in it."""


def key_of(rank: int, stream: common_pb2.Stream.ValueType, line: int) -> Key:
    """Returns the sort key of a message. Messages of the API come before those in the output."""
    return rank, _ORDER.get(stream, _API), line


class Candidate(Struct, frozen=True):
    """A message that may explain the failure."""

    key: Key
    location: Location | None
    """None if the message has none."""
    message: event_pb2.ErrorMessage
    may_precede_final: bool = False
    """Whether it is an exception that the program may have handled, so that a later one is preferred."""
    is_logged: bool = False
    """Whether it is an exception that a logger wrote, and the last words of the program explain more."""

    @classmethod
    def of(cls, rank: int, message: event_pb2.ErrorMessage) -> "Candidate":
        """Returns a message as a candidate."""
        location = location_of(message.file, message.file_line) if message.file else None
        return cls(key_of(rank, message.stream, message.line), location, message)


def location_of(file: str, line: int) -> Location:
    """Returns the sort key of a location in a source file."""
    return file.rpartition("/")[2], line


class Best(Struct):
    """The best of the messages that were offered, and those after it."""

    shown: list[Candidate] = []
    """The best messages, the best first, at most four."""
    located: Candidate | None = None
    """The one with the least location in a source file among those of the best rank. A parallel build reports
    errors in any order, so its signature is made from this one."""

    def wants(self, key: Key, location: Location | None) -> bool:
        """Returns whether a message with this key and location would be kept."""
        return len(self.shown) < _MAX_SHOWN or key < self.shown[-1].key or self._is_least(key, location)

    def offer(self, candidate: Candidate) -> None:
        """Stores a message if it is one of the best."""
        if len(self.shown) < _MAX_SHOWN or candidate.key < self.shown[-1].key:
            self.shown.append(candidate)
            self.shown.sort(key=lambda each: each.key)
            del self.shown[_MAX_SHOWN:]
        if self._is_least(candidate.key, candidate.location):
            self.located = candidate

    def _is_least(self, key: Key, location: Location | None) -> bool:
        if location is None or (self.shown and key[0] > self.shown[0].key[0]):
            return False
        best = self.located
        return best is None or best.location is None or best.key[0] > key[0] or location < best.location

    @property
    def signing(self) -> Candidate | None:
        """The message from which the signature is made; None if there is no message."""
        if not self.shown:
            return None
        first = self.shown[0]
        if self.located is None or first.location is None or self.located.key[0] != first.key[0]:
            return first
        # If a file has several errors, the first one is as good, and the others may follow from it.
        same_file = (self.located.location or ("",))[0] == first.location[0]
        return first if same_file else self.located


_MAX_SHOWN = 4


class Choice(Struct, frozen=True):
    """The message that explains a failure."""

    shown: event_pb2.ErrorMessage
    signing: event_pb2.ErrorMessage
    """The message from which the signature is made."""
    others: tuple[event_pb2.ErrorMessage, ...] = ()
    """Other messages that could have been chosen, in their order."""
    is_last_words: bool = False
    """Whether it is only the last lines of the output."""


def choice_of(best: Best) -> Choice | None:
    """Returns the choice among messages; None if there are none."""
    signing = best.signing
    if signing is None:
        return None
    shown, *others = (each.message for each in best.shown)
    return Choice(shown, signing.message, tuple(others))
