"""Makes the records of messages that a parser has recognised."""

from typing import Final

from gator.core.text import without_nul
from gator.parsers import Recognised
from gator.v1 import common_pb2, event_pb2

_TRACEBACK: Final = "Traceback (most recent call last):"


def error_message(
    stream: common_pb2.Stream.ValueType, message: Recognised, severity: common_pb2.Severity.ValueType
) -> event_pb2.ErrorMessage:
    """Returns a message as the explanation of a failure."""
    return event_pb2.ErrorMessage(
        severity=severity,
        text=without_nul(message.text),
        stream=stream,
        line=message.key_line,
        message=without_nul(message.message),
        file=without_nul(message.file),
        file_line=message.file_line,
        parser=message.entry.parser,
        code=without_nul(message.code),
        item=without_nul(message.item),
        decisive=message.entry.decisive,
    )


def log_event(
    stream: common_pb2.Stream.ValueType, message: Recognised, severity: common_pb2.Severity.ValueType
) -> event_pb2.LogEvent:
    """Returns the event with which a message is recorded."""
    lines = len(message.lines)
    return event_pb2.LogEvent(
        severity=severity,
        text=without_nul(message.text),
        stream=stream,
        line=message.key_line,
        file=without_nul(message.file),
        file_line=message.file_line,
        file_column=message.column,
        parser=message.entry.parser,
        code=without_nul(message.code),
        lines=lines if lines > 1 else 0,
    )


def is_traceback(message: Recognised) -> bool:
    """Returns whether a message is a traceback of Python, but not one of a thread or of another process."""
    return message.entry.parser == "python" and message.lines[0].endswith(_TRACEBACK)
