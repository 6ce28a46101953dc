"""How large what a root sends to a hub may be, and what is left of it where it is larger.

Rule: an event that is too large loses what makes it so, and says so; it is never lost as a whole.
"""

from collections.abc import Iterable
from typing import Any, cast

from gator.v1 import attach_pb2, event_pb2

MAX_EVENT_BYTES = 1280 * 1024
"""Blocks have half a mebibyte, what jobs report by the Python client a whole one."""
MAX_ENTRIES = 8192
"""So many entries the lists and maps of an event have at most; unpacked each takes a hundred bytes."""
_SAID_BYTES = 8
"""So many bytes the entries have on average of what is said of a run, beyond the first `MAX_ENTRIES`."""
SMALL_DESCRIPTION_BYTES = _SAID_BYTES * MAX_ENTRIES
"""What is said of a run in so few bytes is never too much."""
_FIELD_BYTES = 256 * 1024
"""What one field of an event that is too large keeps; none has more than four that can be large."""
_LIST_ENTRIES = MAX_ENTRIES // 2 - 1
"""What a list of such an event keeps; none has more than two."""
_KEPT = ("block",)


def shortened(event: event_pb2.Event) -> event_pb2.Event:
    """The event itself, or a copy that is not too large."""
    if not _is_too_large(event):
        return event
    copy = event_pb2.Event()
    copy.CopyFrom(event)
    name = copy.WhichOneof("payload")
    # A block is compressed bytes, which no part of stands for itself.
    if name is not None and name not in _KEPT:
        _shorten(getattr(copy, name))
    return copy


def _is_too_large(event: event_pb2.Event) -> bool:
    size = event.ByteSize()
    # An entry has two bytes at least, and most events have few.
    if size <= 2 * MAX_ENTRIES:
        return False
    return size > MAX_EVENT_BYTES or entries_of(event, MAX_ENTRIES) > MAX_ENTRIES


def shorten_description(description: attach_pb2.RunDescription) -> None:
    """Leave out of what is said of a run what has so many parts that no hub takes it."""
    if not has_too_many(description):
        return
    _shorten_list(description.run.argv)
    _shorten_map(description.run.labels)
    if has_too_many(description):
        description.ClearField("plan")


def has_too_many(description: attach_pb2.RunDescription) -> bool:
    """Whether what is said of a run takes far more memory than its bytes; not at once for 20,000 jobs."""
    size = description.ByteSize()
    most = MAX_ENTRIES + size // _SAID_BYTES
    return size > SMALL_DESCRIPTION_BYTES and entries_of(description, most) > most


def entries_of(message: Any, most: int) -> int:
    """How many entries all lists and maps in a message have; counts no further than beyond `most`."""
    count = 0
    for field, value in message.ListFields():
        if field.message_type is None:
            count += len(value) if field.is_repeated else 0
        elif not field.is_repeated:
            count += entries_of(value, most - count)
        elif field.message_type.GetOptions().map_entry:
            count += len(value)
            if field.message_type.fields_by_name["value"].message_type is not None:
                count += _entries_of_all(value.values(), most - count)
        else:
            count += len(value)
            count += _entries_of_all(value, most - count)
        if count > most:
            break
    return count


def _entries_of_all(messages: Iterable[Any], most: int) -> int:
    count = 0
    for message in messages:
        if count > most:
            break
        count += entries_of(message, most - count)
    return count


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
        if room < 0 or place == _LIST_ENTRIES:
            del values[place:]
            if values and isinstance(values[0], str):
                values.append("…")
            return


def _shorten_map(values: Any) -> None:
    room = _FIELD_BYTES
    for place, name in enumerate(sorted(values)):
        room -= len(name) + _size(values[name]) + 8
        if room < 0 or place >= _LIST_ENTRIES:
            del values[name]


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    size = getattr(value, "ByteSize", None)
    return cast("int", size()) if size is not None else 8
