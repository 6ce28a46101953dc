"""Values of options that are names of an enum."""

from typing import TypeVar

from gator.enum_names import EnumType, enum_value, names_of
from gator.errors import OptionError

Value = TypeVar("Value", bound=int)


def enum_option(enum: "EnumType[Value]", text: str, option: str) -> Value:
    """Returns the value of an enum that an option names. Raises OptionError that lists the names."""
    try:
        return enum_value(enum, text)
    except ValueError as error:
        names = ", ".join(names_of(enum.DESCRIPTOR))
        raise OptionError(option, text, f"must be one of {names}") from error
