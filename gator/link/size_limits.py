"""Limits of the sizes of events and run descriptions that a root sends to a hub.

Invariant: an event that is too large is shortened and says so; it is never dropped.
"""

from collections.abc import Iterable
from typing import Any, cast

from gator.v1 import attach_pb2, event_pb2

MAX_EVENT_BYTES = 1280 * 1024
"""Maximum size of an event: blocks have up to 512 KiB, messages of the Python client up to 1 MiB."""
MAX_ENTRIES = 8192
"""Maximum number of list and map entries in one event. Each takes about 100 bytes once parsed."""
_ENTRIES_OF_SKETCH = 3
"""Number of entries that take as much memory as the distribution of a metric without its bins."""
_BINS_OF_ENTRY = 12
"""Number of bins of a distribution that take as much memory as an entry."""
_MIN_ENTRY_BYTES = 8
"""Minimum average size of the entries of a run description beyond the first `MAX_ENTRIES`."""
SMALL_DESCRIPTION_BYTES = _MIN_ENTRY_BYTES * MAX_ENTRIES
"""Size up to which a run description needs no check, whatever its entries."""
_FIELD_BYTES = 256 * 1024
"""Maximum size of one field of an event that is shortened; an event has up to four large fields."""
_LIST_ENTRIES = MAX_ENTRIES // 2 - 1
"""Maximum number of entries of one list of such an event; an event has up to two lists."""
_KEPT = ("block",)


def shortened(event: event_pb2.Event) -> event_pb2.Event:
    """Returns the event itself, or a shortened copy if it is too large."""
    if not _is_too_large(event):
        return event
    copy = event_pb2.Event()
    copy.CopyFrom(event)
    _leave_out_sketches(copy)
    if not _is_too_large(copy):
        return copy
    name = copy.WhichOneof("payload")
    # A block is compressed: a part of it cannot be read.
    if name is not None and name not in _KEPT:
        _shorten(getattr(copy, name))
    return copy


def _leave_out_sketches(event: event_pb2.Event) -> None:
    """Removes the distributions of metrics, whose quantiles are then unknown."""
    match event.WhichOneof("payload"):
        case "result":
            totals = event.result.metrics
        case "attempt_finished":
            totals = event.attempt_finished.metrics
        case _:
            return
    for total in totals:
        total.ClearField("sketch")


def _is_too_large(event: event_pb2.Event) -> bool:
    size = event.ByteSize()
    # An entry takes at least two bytes, so most events need not be counted.
    if size <= 2 * MAX_ENTRIES:
        return False
    return size > MAX_EVENT_BYTES or entries_of(event, MAX_ENTRIES) > MAX_ENTRIES


def shorten_description(description: attach_pb2.RunDescription) -> None:
    """Removes entries, if necessary the plan, from a run description that has too many for a hub."""
    if not has_too_many(description):
        return
    _shorten_list(description.run.argv)
    _shorten_map(description.run.labels)
    if has_too_many(description):
        description.ClearField("plan")


def has_too_many(description: attach_pb2.RunDescription) -> bool:
    """Returns whether a parsed run description takes far more memory than its size suggests."""
    size = description.ByteSize()
    limit = MAX_ENTRIES + size // _MIN_ENTRY_BYTES
    return size > SMALL_DESCRIPTION_BYTES and entries_of(description, limit) > limit


def entries_of(message: Any, limit: int) -> int:
    """Returns the number of entries of all lists and maps in a message; stops counting beyond `limit`."""
    count = 0
    for field, value in message.ListFields():
        if field.message_type is None:
            count += len(value) if field.is_repeated else 0
        elif not field.is_repeated:
            count += entries_of(value, limit - count)
        elif field.message_type is event_pb2.MetricTotal.DESCRIPTOR:
            count += entries_of_metrics(value)
        elif field.message_type.GetOptions().map_entry:
            count += len(value)
            if field.message_type.fields_by_name["value"].message_type is not None:
                count += _entries_of_all(value.values(), limit - count)
        else:
            count += len(value)
            count += _entries_of_all(value, limit - count)
        if count > limit:
            break
    return count


def entries_of_metrics(totals: Iterable[event_pb2.MetricTotal]) -> int:
    """Returns the number of entries of other lists that take as much memory as a list of metrics."""
    entries = bins = 0
    for total in totals:
        entries += 1
        if total.HasField("sketch"):
            entries += _ENTRIES_OF_SKETCH
            sketch = total.sketch
            bins += len(sketch.positive_counts) + len(sketch.positive_steps)
            bins += len(sketch.negative_counts) + len(sketch.negative_steps)
    return entries + bins // _BINS_OF_ENTRY


def _entries_of_all(messages: Iterable[Any], limit: int) -> int:
    count = 0
    for message in messages:
        if count > limit:
            break
        count += entries_of(message, limit - count)
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
            # A part of binary data would be misleading.
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
    """Removes all but the first entries that fit."""
    room = _FIELD_BYTES
    for index, value in enumerate(values):
        room -= _size(value) + 8
        if room < 0 or index == _LIST_ENTRIES:
            del values[index:]
            if values and isinstance(values[0], str):
                values.append("…")
            return


def _shorten_map(values: Any) -> None:
    room = _FIELD_BYTES
    for index, name in enumerate(sorted(values)):
        room -= len(name) + _size(values[name]) + 8
        if room < 0 or index >= _LIST_ENTRIES:
            del values[name]


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    size = getattr(value, "ByteSize", None)
    return cast("int", size()) if size is not None else 8
