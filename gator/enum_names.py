"""Names of the values of enums as Gator shows and reads them: `passed` for OUTCOME_PASSED."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor
    from google.protobuf.internal.enum_type_wrapper import (
        _EnumTypeWrapper,  # pyright: ignore[reportPrivateUsage]
    )

Value = TypeVar("Value", bound=int)
EnumType: TypeAlias = "_EnumTypeWrapper[Value]"


def enum_name(descriptor: "EnumDescriptor", value: int) -> str:
    """Returns the name of a value in lower case without its prefix; empty for 0 and unknown values."""
    value_descriptor = descriptor.values_by_number.get(value)
    if value_descriptor is None or value == 0:
        return ""
    return value_descriptor.name.removeprefix(_prefix(descriptor)).lower()


def names_of(descriptor: "EnumDescriptor") -> Sequence[str]:
    """Returns the names of all values but 0."""
    return [enum_name(descriptor, number) for number in descriptor.values_by_number if number]


def enum_value(enum: "EnumType[Value]", name: str) -> Value:
    """Returns the value with a name in any case. Raises ValueError that lists the names."""
    names = names_of(enum.DESCRIPTOR)
    if name.lower() not in names:
        raise ValueError(f"{name!r} is not one of {', '.join(names)}")
    return enum.Value(f"{_prefix(enum.DESCRIPTOR)}{name.upper()}")


def _prefix(descriptor: "EnumDescriptor") -> str:
    return descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
