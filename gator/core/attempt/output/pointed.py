"""Finds the line to which the spec points as the first error of a job."""

from collections.abc import Iterable

from gator.core.attempt.output.recognised import error_message
from gator.core.causes.first_error import key_of
from gator.parsers import Entry, Recognised, Rules, StreamParser, words_of
from gator.v1 import common_pb2, event_pb2


class PointedError:
    """The first line that a pattern matches: of stderr if there is one, else of stdout."""

    def __init__(self, pattern: str, streams: Iterable[common_pb2.Stream.ValueType]) -> None:
        entry = Entry(parser="first_error", match=pattern, words=words_of(pattern))
        rules = Rules([entry])
        self._searched = {stream: StreamParser(rules) for stream in streams}
        self._found: dict[common_pb2.Stream.ValueType, Recognised] = {}

    def search(self, stream: common_pb2.Stream.ValueType, first_line: int, data: bytes) -> None:
        """Searches whole lines, until the first one of the stream is found."""
        parser = self._searched.get(stream)
        if parser is not None and (errors := parser.feed(first_line, data)):
            self._found[stream] = errors[0]
            del self._searched[stream]

    def message(self) -> event_pb2.ErrorMessage | None:
        """Returns the line as a message; None if there was none."""
        if not self._found:
            return None
        stream = min(self._found, key=lambda each: key_of(0, each, 0))
        line = self._found[stream]
        message = error_message(stream, line, common_pb2.SEVERITY_ERROR)
        message.parser = ""
        return message
