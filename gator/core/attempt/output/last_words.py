"""The last lines of a stream, which explain a failure if no message does."""

from typing import Final

from gator.core.text import clean, cut, is_blank
from gator.parsers import Rules, StreamParser, visible
from gator.v1 import common_pb2, event_pb2

TAIL_BYTES: Final = 8192
"""Number of bytes at the end of a stream that are kept for them."""
_LAST_LINES: Final = 3
_WARNING: Final = common_pb2.SEVERITY_WARNING
MAX_BACK: Final = 30
"""Maximum distance from the end of a line that is looked at before a message that is only a consequence."""


def last_words(
    stream: common_pb2.Stream.ValueType,
    tail: bytes,
    last_line: int,
    rules: Rules | None,
    allowed: str = "",
) -> event_pb2.ErrorMessage | None:
    """Returns the last lines that are not blank as one message; None if there are none.

    With `rules` only lines near the end count that are in no message that they recognise, except for those of
    the parser `allowed`.
    """
    lines = tail.removesuffix(b"\n").split(b"\n")
    recognised = _lines_of_messages(tail, rules, allowed) if rules is not None else frozenset[int]()
    shown: list[str] = []
    number = 0
    for back, line in enumerate(reversed(lines)):
        if rules is not None and back >= MAX_BACK:
            break
        if is_blank(line) or len(lines) - back in recognised:
            continue
        if rules is not None:
            hit = rules.find(visible(line))
            # Entries of severity INFO are not searched for, so their lines were in no message.
            if hit is not None and (hit[0].parser != allowed or hit[0].severity < _WARNING):
                continue
        number = number or last_line - back
        shown.insert(0, clean(line))
        if len(shown) == _LAST_LINES:
            break
    if not shown:
        return None
    text = "\n".join(cut(line, 300) for line in shown)
    return event_pb2.ErrorMessage(
        severity=common_pb2.SEVERITY_INFO, text=text, stream=stream, line=number, message=cut(shown[-1])
    )


def _lines_of_messages(data: bytes, rules: Rules, allowed: str) -> frozenset[int]:
    """Returns the numbers of the lines that are in messages, except for those of the parser `allowed`.

    The first line has number 1.
    """
    parser = StreamParser(rules)
    messages = [*parser.feed(1, data), *parser.finish()]
    return frozenset(
        number
        for message in messages
        if message.entry.parser != allowed
        for number in range(message.line, message.last_line + 1)
    )
