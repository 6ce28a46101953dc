"""Notices that a job's client prints if its stream does not work, in a form that the wrapper recognises.

A notice is a terminal escape sequence (OSC) on a line of its own. Such a line counts as blank everywhere, so
a notice never counts against its job; the wrapper records it as a warning of Gator.
"""

import re

_BEGIN = b"\x1b]7717;gator;"
_END = b"\x1b\\"
MAX_TEXT_BYTES = 900
"""Maximum length of the text of a notice: OSC sequences are recognised up to 1,024 bytes."""
MAX_NOTICES = 20
"""Maximum number of notices recorded per attempt; further ones are dropped."""

_NOTICE = re.compile(re.escape(_BEGIN) + rb"([^\x07\x1b\n]{0,%d})" % MAX_TEXT_BYTES + re.escape(_END))
_UNPRINTABLE = re.compile(rb"[\x00-\x1f\x7f]")


def notice_line(text: str) -> bytes:
    """Returns the line that carries `text` to the wrapper."""
    data = _UNPRINTABLE.sub(b" ", text.encode(errors="replace"))[:MAX_TEXT_BYTES]
    return _BEGIN + data.decode(errors="ignore").encode() + _END + b"\n"


class NoticeFinder:
    """Finds notices in one stream, however its bytes are cut into chunks."""

    __slots__ = ("_found", "_tail")

    def __init__(self) -> None:
        self._tail = b""
        self._found = 0

    def feed(self, data: bytes) -> list[str]:
        """Returns the texts of the notices that end in `data`."""
        if not self._tail and b"\x1b" not in data:
            return []
        data = self._tail + data
        texts: list[str] = []
        end = 0
        for match in _NOTICE.finditer(data):
            end = match.end()
            texts.append(match[1].decode(errors="replace"))
        self._tail = _unfinished(data, end)
        room = max(MAX_NOTICES - self._found, 0)
        self._found += len(texts)
        return texts[:room]


def _unfinished(data: bytes, start: int) -> bytes:
    """Returns the end of `data` that may be the start of a notice."""
    start = max(start, len(data) - len(_BEGIN) - MAX_TEXT_BYTES - 1)
    begin = data.find(_BEGIN, start)
    while begin >= 0:
        if b"\n" not in data[begin:]:
            return data[begin:]
        begin = data.find(_BEGIN, begin + 1)
    # The introducer itself may be cut.
    escape = data.rfind(b"\x1b", max(start, len(data) - len(_BEGIN)))
    return data[escape:] if escape >= 0 and _BEGIN.startswith(data[escape:]) else b""
