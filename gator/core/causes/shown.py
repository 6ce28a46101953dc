"""The line of a first error that displays show."""

import re

from gator.core.causes.first_error import location_of
from gator.v1 import common_pb2, event_pb2

_PYTEST = re.compile(r"^E {3,}")
"""The mark of pytest in front of the lines of an exception."""
_ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]")
"""Beginning of an absolute path."""
_MARGIN = " \t|"
"""Characters in front of the lines of an exception in a group."""
_MAX_SHOWN = 300
"""Maximum number of characters of a message of several lines."""


def is_last_words(error: event_pb2.ErrorMessage) -> bool:
    """Returns whether a first error is only the last output of a job that wrote no message."""
    return error.severity < common_pb2.SEVERITY_WARNING


def shown_line(error: event_pb2.ErrorMessage) -> str:
    """Returns the line that explains the failure, such as the exception after a traceback.

    It begins with the name of the test and ends with the place in a source file, unless the line has them,
    because they tell causes apart.
    """
    first = error.text.split("\n", 1)[0]
    # Reports of tests say it in the first line, and the details below it.
    is_first = error.item and first == f"{error.item}: {error.message}"
    line = first if is_first else _line_of(error) or first
    if error.item not in line:
        line = f"{error.item}: {line}"
    name, number = location_of(error.file, error.file_line)
    # The folders of another machine or of a run say nothing.
    file = name if _ABSOLUTE.match(error.file) else error.file
    if file and name not in line:
        line = f"{line} ({file}:{number})" if number else f"{line} ({file})"
    return line


def _line_of(error: event_pb2.ErrorMessage) -> str:
    """Returns the line of the text with the explaining message; empty if there is none.

    The source line that a stack shows has the message too, but does not end with it. Further lines of the
    message follow behind the first one.
    """
    message, _, more = error.message.partition("\n")
    if not message:
        return ""
    # Of a cut text the line may be incomplete.
    lines = [line for line in reversed(error.text.splitlines()) if message in line]
    line = next((line for line in lines if line.endswith(message)), lines[0] if lines else "")
    line = line.strip(_MARGIN)
    if _PYTEST.sub("", line) == message:
        line = message
    return " ".join([line, *more.split()])[:_MAX_SHOWN] if more else line
