"""The last lines of a stream, which explain a failure if no message does."""

from typing import Final

from gator.core.text import clean, cut, is_blank
from gator.parsers import Rules, visible
from gator.v1 import common_pb2, event_pb2

TAIL_BYTES: Final = 8192
"""Number of bytes at the end of a stream that are kept for them."""
_LAST_LINES: Final = 3
_MAX_BACK: Final = 30
"""Maximum distance from the end of a line that is looked at before a message that is only a consequence."""


def last_words(
    stream: common_pb2.Stream.ValueType, tail: bytes, last_line: int, rules: Rules | None
) -> event_pb2.ErrorMessage | None:
    """Returns the last lines that are not blank as one message; None if there are none.

    With `rules` only lines count that they do not recognise, and only those near the end.
    """
    lines = tail.removesuffix(b"\n").split(b"\n")
    shown: list[str] = []
    number = 0
    for back, line in enumerate(reversed(lines)):
        if rules is not None and back >= _MAX_BACK:
            break
        if is_blank(line) or (rules is not None and rules.find(visible(line)) is not None):
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
