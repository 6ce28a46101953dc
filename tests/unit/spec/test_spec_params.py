"""Values of parameters that are numbers."""

import pytest

from gator.errors import SpecError
from gator.spec import load
from gator.spec.params import typed_value
from gator.v1 import spec_pb2


def param(value: str) -> spec_pb2.Param:
    text = f"!Job {{ident: a, command: b, params: {{n: {value}}}}}"
    return load(text, file="spec.yaml").spec.job.settings.params[0]


@pytest.mark.parametrize("number", [2**53 + 1, -(2**63) - 1, 10**30 + 1])
def test_integers_of_any_size_are_exact(number: int) -> None:
    found = param(str(number))
    assert typed_value(found, found.values) == number
    hexadecimal = param(f"{number:#x}")
    assert typed_value(hexadecimal, hexadecimal.values) == number


def test_a_number_beyond_the_range_of_floating_point_is_refused() -> None:
    assert param("1e308").type == spec_pb2.PARAM_TYPE_NUMBER
    assert param("1e400").type == spec_pb2.PARAM_TYPE_TEXT
    with pytest.raises(SpecError, match="n must be a number, not '1e400'"):
        param("{type: number, default: 1e400}")
