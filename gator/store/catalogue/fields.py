"""Copies values between messages and rows, as the descriptions of the tables say.

Invariant: what is not known is NULL in a row and unset in a message.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeAlias, TypeVar

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gator.store.catalogue.columns import FLAG, JSON, MESSAGE, Column, Table
from gator.v1 import event_pb2

Row: TypeAlias = dict[str, Any]
"""Values by column. What is missing is not known."""

_Descriptor: TypeAlias = Any
"""A Descriptor. Its stubs make its nested types optional."""
_M = TypeVar("_M", bound=Message)


class PayloadFields:
    """Copies fields of one payload of an event into rows of a table."""

    def __init__(self, table: Table, payload: str) -> None:
        field = event_pb2.Event.DESCRIPTOR.fields_by_name[payload]
        prefix = f"{payload}."
        columns = [
            (column, column.source.removeprefix(prefix).split("."))
            for column in table.columns
            if column.source.startswith(prefix)
        ]
        self._copy = _copier(columns, field.message_type)

    def put(self, row: Row, payload: Message) -> None:
        """Sets the columns that the payload says something about."""
        self._copy(row, payload)


_Copy: TypeAlias = Callable[[Row, Any], None]


def _copier(columns: Sequence[tuple[Column, list[str]]], message: _Descriptor) -> _Copy:
    """Returns a function that copies fields of a message, which are given as paths, into a row."""
    plain: dict[str, str] = {}
    single: list[tuple[str, str, Callable[[Any], bool] | None, Callable[[Any], Any]]] = []
    groups: dict[str, list[tuple[Column, list[str]]]] = {}
    for column, path in columns:
        name = path[0].removesuffix("?")
        if len(path) > 1 and path[0].endswith("?"):
            groups.setdefault(name, []).append((column, path[1:]))
        elif path[-1].endswith("?") or column.type in _TO_COLUMN:
            is_set = _presence(message, name) if path[-1].endswith("?") else None
            single.append((column.name, name, is_set, _TO_COLUMN.get(column.type, _same)))
        else:
            plain[column.name] = ".".join(path)
    get = _getter(list(plain.values()))
    names = list(plain)
    nested = [
        (name, _copier(some, message.fields_by_name[name].message_type)) for name, some in groups.items()
    ]

    def copy(row: Row, found: Any) -> None:
        row.update(zip(names, get(found), strict=True))
        for column, name, is_set, convert in single:
            if is_set is None or is_set(found):
                row[column] = convert(getattr(found, name))
        for name, copy_nested in nested:
            if found.HasField(name):
                copy_nested(row, getattr(found, name))

    return copy


def _presence(message: _Descriptor, name: str) -> Callable[[Any], bool]:
    """Returns a function that says whether a field is set; one without presence is if it is not empty."""
    if message.fields_by_name[name].has_presence:
        return lambda found: found.HasField(name)
    return lambda found: bool(getattr(found, name))


def _getter(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda found: ()
    get: Callable[[Any], Any] = attrgetter(*names)
    return get if len(names) > 1 else lambda found: (get(found),)


def _same(value: Any) -> Any:
    return value


def _json(value: Any) -> str:
    return json.dumps(dict(sorted(value.items())) if hasattr(value, "items") else list(value))


def blob(message: Message) -> Any:
    """Returns a serialised message for a statement; see `gator.store.catalogue.upsert` for its type."""
    return bytearray(message.SerializeToString())


_TO_COLUMN: Mapping[str, Callable[[Any], Any]] = {FLAG: int, JSON: _json, MESSAGE: blob}


class RowMessages(Generic[_M]):
    """Makes messages from rows of a table."""

    def __init__(self, table: Table, message: type[_M]) -> None:
        self._message = message
        columns = [(column, column.target.split(".")) for column in table.columns if column.target]
        self.columns = tuple(column.name for column, _ in columns)
        """The columns that a row must have."""
        self._values = _reader(columns, message.DESCRIPTOR, table.presence, "")

    def message(self, row: Row) -> _M:
        """Returns the message of a row."""
        return self._message(**self._values(row))


def _reader(
    columns: Sequence[tuple[Column, list[str]]],
    message: _Descriptor,
    presence: Mapping[str, str],
    prefix: str,
) -> Callable[[Row], dict[str, Any]]:
    """Returns a function that gives the fields of a message by name."""
    plain: dict[str, str] = {}
    converted: list[tuple[str, str, Callable[[Any], Any]]] = []
    groups: dict[str, list[tuple[Column, list[str]]]] = {}
    for column, path in columns:
        if len(path) > 1:
            groups.setdefault(path[0], []).append((column, path[1:]))
        elif column.type == MESSAGE:
            converted.append((path[0], column.name, _parser(message, path[0])))
        elif column.type in _FROM_COLUMN:
            converted.append((path[0], column.name, _FROM_COLUMN[column.type]))
        else:
            plain[path[0]] = column.name
    names = list(plain)
    get: Callable[[Row], tuple[Any, ...]] = itemgetter(*plain.values())
    nested = [
        (
            name,
            presence[prefix + name],
            _reader(some, message.fields_by_name[name].message_type, presence, f"{prefix}{name}."),
        )
        for name, some in groups.items()
    ]

    def values(row: Row) -> dict[str, Any]:
        # A field that is given as None stays unset.
        found: dict[str, Any] = dict(zip(names, get(row), strict=True))
        for name, column, convert in converted:
            if row[column] is not None:
                found[name] = convert(row[column])
        for name, column, values_of in nested:
            if row[column] is not None:
                found[name] = values_of(row)
        return found

    return values


def _parser(message: _Descriptor, name: str) -> Callable[[Any], Message]:
    return GetMessageClass(message.fields_by_name[name].message_type).FromString


_FROM_COLUMN: Mapping[str, Callable[[Any], Any]] = {FLAG: bool, JSON: json.loads}
