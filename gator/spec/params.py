"""Types of parameters: recognises and checks values, and names the variables that jobs get.

Invariant: a value stays as it is written; its type only restricts it.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PREFIX: Final = "GATOR_PARAM_"
"""Beginning of the names of variables with parameters."""
ALL: Final = "GATOR_PARAMS"
"""Name of the variable with all parameters of a job, as JSON."""
TYPES: Final[Mapping[str, spec_pb2.ParamType.ValueType]] = {
    "text": spec_pb2.PARAM_TYPE_TEXT,
    "bool": spec_pb2.PARAM_TYPE_BOOL,
    "number": spec_pb2.PARAM_TYPE_NUMBER,
    "list": spec_pb2.PARAM_TYPE_LIST,
}
MAX_NUMBER: Final = 1000
"""Maximum number of characters of a number, because converting long integers takes quadratic time."""
Value: TypeAlias = str | bool | int | float | list[str]

_NAMES: Final = {number: name for name, number in TYPES.items()}
# Compiled when the first parameter needs them.
_HEXADECIMAL: Final = r"[+-]?0[xX][0-9a-fA-F]+"
_DECIMAL: Final = r"[+-]?[0-9]+"
_FRACTION: Final = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_BOOLEANS: Final = frozenset(("true", "false"))


def variable_of(name: str) -> str:
    """Returns the name of the variable with the value of a parameter: GATOR_PARAM_X for `x`."""
    return PREFIX + name.upper()


def type_name(number: spec_pb2.ParamType.ValueType) -> str:
    """Returns the name of a type of parameters, as in a spec."""
    return _NAMES.get(number, "text")


def spelled_type(text: str) -> spec_pb2.ParamType.ValueType:
    """Returns the type of a value by its spelling, if it is written without quotes."""
    if text.lower() in _BOOLEANS:
        return spec_pb2.PARAM_TYPE_BOOL
    is_number = _is_long(text) or _is_number(text)
    return spec_pb2.PARAM_TYPE_NUMBER if is_number else spec_pb2.PARAM_TYPE_TEXT


def values_of(param: spec_pb2.Param, text: str) -> list[str]:
    """Returns the values that a string of the command line gives to a parameter.

    The items of a list are separated by commas. Raises ValueError if the parameter cannot have them.
    """
    values = [text]
    if param.type == spec_pb2.PARAM_TYPE_LIST:
        values = text.split(",") if text else []
    if problem := value_problem(param, values):
        raise ValueError(problem)
    return values


def value_problem(param: spec_pb2.Param, values: Sequence[str]) -> str:
    """Returns why a parameter cannot have these values; empty if it can."""
    for value in values:
        if param.choices and value not in param.choices:
            known = ", ".join(param.choices)
            return f"{param.name} must be one of {known}, not '{value}'{did_you_mean(value, param.choices)}"
        if param.type == spec_pb2.PARAM_TYPE_NUMBER and _is_long(value):
            return f"{param.name} is a number of {len(value):,} characters: the maximum is {MAX_NUMBER:,}"
        if param.type == spec_pb2.PARAM_TYPE_NUMBER and not _is_number(value):
            return f"{param.name} must be a number, not '{value}'"
        if param.type == spec_pb2.PARAM_TYPE_BOOL and value.lower() not in _BOOLEANS:
            return f"{param.name} must be true or false, not '{value}'"
    return ""


def text_of(param: spec_pb2.Param) -> str:
    """Returns the value of a parameter as one string: the items of a list with a space between them."""
    return " ".join(param.values)


def typed_value(param: spec_pb2.Param, values: Iterable[str]) -> Value:
    """Returns these values of a parameter as a value of its type."""
    given = list(values)
    if param.type == spec_pb2.PARAM_TYPE_LIST:
        return given
    text = " ".join(given)
    if param.type == spec_pb2.PARAM_TYPE_BOOL:
        return text.lower() == "true"
    return _number(text) if param.type == spec_pb2.PARAM_TYPE_NUMBER else text


def _is_number(text: str) -> bool:
    if re.fullmatch(_DECIMAL, text) or re.fullmatch(_HEXADECIMAL, text):
        return True
    # A number such as 1e400 has no value in JSON.
    return re.fullmatch(_FRACTION, text) is not None and math.isfinite(float(text))


def _is_long(text: str) -> bool:
    """Returns whether a string has the form of a number, but more characters than numbers may have."""
    forms = (_DECIMAL, _HEXADECIMAL, _FRACTION)
    return len(text) > MAX_NUMBER and any(re.fullmatch(form, text) for form in forms)


def _number(text: str) -> str | int | float:
    """Returns a number; a string of another form, such as a masked value, and a longer one stay."""
    if len(text) > MAX_NUMBER:
        return text
    if re.fullmatch(_HEXADECIMAL, text):
        return int(text, 16)
    if re.fullmatch(_DECIMAL, text):
        return int(text)
    return float(text) if re.fullmatch(_FRACTION, text) else text
