"""Notices that a job's client prints if its stream does not work, in a form that the wrapper recognises.

A notice is a terminal escape sequence (OSC) on a line of its own. Such a line counts as blank everywhere, so
a notice never counts against its job; the wrapper records it as a warning of Gator.
"""

import re

GATOR_LOGGER = "gator"
"""Logger of messages of Gator itself, which do not count as messages of the job."""
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


def is_notice(line: bytes) -> bool:
    """Returns whether a line of output is a notice, which is recorded as a message of its own."""
    return line.startswith(_BEGIN) and _NOTICE.fullmatch(line.rstrip(b"\r\n")) is not None


def find_notices(data: bytes) -> list[str]:
    """Returns the strings of the notices in complete lines."""
    if b"\x1b" not in data:
        return []
    return [match[1].decode(errors="replace") for match in _NOTICE.finditer(data)]
