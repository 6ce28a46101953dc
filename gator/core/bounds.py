"""How large an event may be on its way to a hub, and what is left of one that is larger.

Rule: an event that is too large loses what makes it so, and says so; it is never lost as a whole.
"""

from typing import Any, cast

from gator.v1 import event_pb2

MOST_EVENT_BYTES = 1280 * 1024
"""Blocks have half a mebibyte, what jobs report by the Python client a whole one."""
_FIELD_BYTES = 256 * 1024
"""What one field of an event that is too large keeps; none has more than four that can be large."""
_KEPT = ("block",)


def shortened(event: event_pb2.Event) -> event_pb2.Event:
    """The event itself, or a copy that is not too large."""
    if event.ByteSize() <= MOST_EVENT_BYTES:
        return event
    copy = event_pb2.Event()
    copy.CopyFrom(event)
    name = copy.WhichOneof("payload")
    # A block is compressed bytes, which no part of stands for itself.
    if name is not None and name not in _KEPT:
        _shorten(getattr(copy, name))
    return copy


def _shorten(message: Any) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _shorten_map(value)
        elif field.is_repeated:
            _shorten_list(value)
        elif isinstance(value, str):
            setattr(message, field.name, _cut(value))
        elif isinstance(value, bytes) and len(value) > _FIELD_BYTES:
            # It is no text, and half of it is not the truth.
            message.ClearField(field.name)
        elif field.message_type is not None:
            _shorten(value)


def _cut(text: str) -> str:
    data = text.encode()
    if len(data) <= _FIELD_BYTES:
        return text
    kept = data[:_FIELD_BYTES].decode(errors="ignore")
    return f"{kept} … ({len(data) - _FIELD_BYTES} bytes are left out; the run's own folder has them)"


def _shorten_list(values: Any) -> None:
    """Keep the first that have room."""
    room = _FIELD_BYTES
    for place, value in enumerate(values):
        room -= _size(value) + 8
        if room < 0:
            del values[place:]
            if values and isinstance(values[0], str):
                values.append("…")
            return


def _shorten_map(values: Any) -> None:
    room = _FIELD_BYTES
    for name in sorted(values):
        room -= len(name) + _size(values[name]) + 8
        if room < 0:
            del values[name]


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    size = getattr(value, "ByteSize", None)
    return cast("int", size()) if size is not None else 8
