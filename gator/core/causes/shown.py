"""The line of a first error that displays show."""

import re

from gator.core.causes.first_error import location_of
from gator.v1 import common_pb2, event_pb2

_PYTEST = re.compile(r"^E {3,}")
"""The mark of pytest in front of the lines of an exception."""


def is_last_words(error: event_pb2.ErrorMessage) -> bool:
    """Returns whether a first error is only the last output of a job that wrote no message."""
    return error.severity < common_pb2.SEVERITY_WARNING


def shown_line(error: event_pb2.ErrorMessage) -> str:
    """Returns the line that explains the failure, such as the exception after a traceback.

    It begins with the name of the test and ends with the place in a source file, unless the line has them,
    because they tell causes apart.
    """
    first = error.text.split("\n", 1)[0]
    if error.item and first == f"{error.item}: {error.message}":
        # Reports of tests say it in the first line, and the details below it.
        line = first
    else:
        # Of a cut text the line may be incomplete.
        lines = (
            line for line in reversed(error.text.splitlines()) if error.message and error.message in line
        )
        line = next(lines, "").strip() or first
        if error.message and _PYTEST.sub("", line) == error.message:
            line = error.message
    if error.item not in line:
        line = f"{error.item}: {line}"
    file, number = location_of(error.file, error.file_line)
    if file and file not in line:
        line = f"{line} ({file}:{number})" if number else f"{line} ({file})"
    return line
