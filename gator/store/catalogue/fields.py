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
Values: TypeAlias = Sequence[Any]
"""The values of a row that was read, in the order of the columns of its SELECT."""

_Descriptor: TypeAlias = Any
"""A Descriptor. Its stubs make its nested types optional."""
_Copy: TypeAlias = Callable[[Row, Any], None]
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
        self.put: _Copy = _copier(columns, field.message_type)
        """Sets the columns of a row that a payload says something about."""


def _copier(columns: Sequence[tuple[Column, list[str]]], message: _Descriptor) -> _Copy:
    """Returns a function that copies fields of a message, which are given as paths, into a row."""
    plain: dict[str, str] = {}
    present: list[tuple[str, str, Callable[[Any], Any]]] = []
    not_empty: list[tuple[str, str, Callable[[Any], Any]]] = []
    converted: list[tuple[str, str, Callable[[Any], Any]]] = []
    groups: dict[str, list[tuple[Column, list[str]]]] = {}
    for column, path in columns:
        name = path[0].removesuffix("?")
        entry = (column.name, name, _TO_COLUMN.get(column.type, _same))
        if len(path) > 1:
            groups.setdefault(path[0], []).append((column, path[1:]))
        elif path[0].endswith("?"):
            # A field without presence counts as set unless it is empty.
            (present if message.fields_by_name[name].has_presence else not_empty).append(entry)
        elif column.type in _TO_COLUMN:
            converted.append(entry)
        else:
            plain[column.name] = name
    get = _getter(list(plain.values()))
    names = list(plain)
    nested = [
        (name.removesuffix("?"), name.endswith("?"), _copier(some, _type_of(message, name)))
        for name, some in groups.items()
    ]

    # This runs for each event that changes the catalogue: plain loops, and no call per field but these.
    def copy(row: Row, source: Any) -> None:
        row.update(zip(names, get(source)))  # noqa: B905 - a check takes time
        for column, name, convert in converted:
            row[column] = convert(getattr(source, name))
        for column, name, convert in not_empty:
            if value := getattr(source, name):
                row[column] = value if convert is _same else convert(value)
        for column, name, convert in present:
            if source.HasField(name):
                value = getattr(source, name)
                row[column] = value if convert is _same else convert(value)
        for name, is_optional, copy_nested in nested:
            if not is_optional or source.HasField(name):
                copy_nested(row, getattr(source, name))

    return copy


def _type_of(message: _Descriptor, name: str) -> _Descriptor:
    return message.fields_by_name[name.removesuffix("?")].message_type


def _getter(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda message: ()
    get: Callable[[Any], Any] = attrgetter(*names)
    return get if len(names) > 1 else lambda message: (get(message),)


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
        columns = [(column, column.target.split(".")) for column in table.columns if column.target]
        self.columns = tuple(column.name for column, _ in columns)
        """The columns with which a row must begin, in order."""
        indices = {name: index for index, name in enumerate(self.columns)}
        fields = _reader(columns, message.DESCRIPTOR, table.presence, "", indices)
        self.message: Callable[[Values], _M] = lambda row: message(**fields(row))
        """Returns the message of a row."""


def _reader(
    columns: Sequence[tuple[Column, list[str]]],
    message: _Descriptor,
    presence: Mapping[str, str],
    prefix: str,
    indices: Mapping[str, int],
) -> Callable[[Values], dict[str, Any]]:
    """Returns a function that gives the fields of a message by name.

    It is made once for each table and takes the values of a row by their indices, because a list of nodes
    makes thousands of messages.
    """
    plain: dict[str, int] = {}
    converted: list[tuple[str, int, Callable[[Any], Any]]] = []
    groups: dict[str, list[tuple[Column, list[str]]]] = {}
    for column, path in columns:
        index = indices[column.name]
        if len(path) > 1:
            groups.setdefault(path[0], []).append((column, path[1:]))
        elif column.type == MESSAGE:
            converted.append((path[0], index, _parser(message, path[0])))
        elif column.type in _FROM_COLUMN:
            converted.append((path[0], index, _FROM_COLUMN[column.type]))
        else:
            plain[path[0]] = index
    names = list(plain)
    get: Callable[[Values], tuple[Any, ...]] = itemgetter(*plain.values())
    nested = [
        (
            name,
            indices[presence[prefix + name]],
            _reader(some, message.fields_by_name[name].message_type, presence, f"{prefix}{name}.", indices),
        )
        for name, some in groups.items()
    ]

    def fields(row: Values) -> dict[str, Any]:
        # A field that is given as None stays unset.
        values: dict[str, Any] = dict(zip(names, get(row)))  # noqa: B905 - a check takes time
        for name, index, convert in converted:
            if (value := row[index]) is not None:
                values[name] = convert(value)
        for name, index, fields_of in nested:
            if row[index] is not None:
                values[name] = fields_of(row)
        return values

    return fields


def _parser(message: _Descriptor, name: str) -> Callable[[Any], Message]:
    return GetMessageClass(message.fields_by_name[name].message_type).FromString


_FROM_COLUMN: Mapping[str, Callable[[Any], Any]] = {FLAG: bool, JSON: json.loads}
