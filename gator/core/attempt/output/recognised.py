"""Makes the records of messages that a parser has recognised."""

from gator.core.text import without_nul
from gator.parsers import Recognised
from gator.v1 import common_pb2, event_pb2


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
    lines = message.last_line - message.line + 1
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
