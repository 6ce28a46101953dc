"""Values of options that are names of an enum."""

from typing import TYPE_CHECKING

from gator.console.describe import enum_name
from gator.errors import OptionError

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor


def enum_value(descriptor: "EnumDescriptor", text: str, option: str) -> int:
    """Returns the value of an enum that an option names. Raises UsageError that lists the names."""
    names = {enum_name(descriptor, number): number for number in descriptor.values_by_number if number}
    found = names.get(text.lower())
    if found is None:
        raise OptionError(option, text, f"must be one of {', '.join(names)}")
    return found
