"""The variables with the parameters of a job."""

from collections.abc import Callable, Iterable
from typing import Final

from gator.spec.literal import unmarked
from gator.v1 import spec_pb2

PREFIX: Final = "GATOR_PARAM_"
"""Beginning of the names of variables with one parameter."""


def add_params(env: dict[str, str], params: Iterable[spec_pb2.Param], fill: Callable[[str], str]) -> None:
    """Adds the variables with the parameters of a job; `fill` fills in the names in a value."""
    # Few jobs have parameters.
    import json

    from gator.spec.params import ALL, Value, typed_value, variable_of

    typed: dict[str, Value] = {}
    for param in params:
        values = [fill(value) for value in param.values]
        env[variable_of(param.name)] = " ".join(values)
        typed[param.name] = typed_value(param, values)
    env[ALL] = json.dumps(typed, ensure_ascii=False)


def param_pairs(param: spec_pb2.Param) -> list[tuple[str, str]]:
    """Returns the values of a parameter, each under its names, which say whether it is a secret."""
    names = (param.name, f"{PREFIX}{param.name.upper()}")
    return [(name, unmarked(value)) for value in param.values for name in names]
