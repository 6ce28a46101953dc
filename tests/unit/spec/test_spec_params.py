"""Values of parameters that are numbers."""

import json

import pytest

from gator.errors import SpecError
from gator.spec import load
from gator.spec.params import typed_value, values_of
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


@pytest.mark.parametrize("digits", ["7" * 5000, "0x" + "f" * 4000, "1" * 5000 + ".5", "-" + "1" * 1000])
def test_a_number_that_is_too_long_is_refused_where_it_stands(digits: str) -> None:
    with pytest.raises(SpecError, match=r"spec.yaml:1:41: n is a number of [0-9,]+ characters: the maximum"):
        param(digits)
    declared = spec_pb2.Param(name="n", type=spec_pb2.PARAM_TYPE_NUMBER)
    with pytest.raises(ValueError, match="the maximum is 1,000"):
        values_of(declared, digits)
    # Values of `${{ }}` are known only when the job starts.
    assert typed_value(declared, [digits]) == digits


def test_the_longest_number_has_a_value() -> None:
    for text in ("7" * 1000, "0x" + "f" * 998):
        found = param(text)
        assert found.type == spec_pb2.PARAM_TYPE_NUMBER
        assert json.loads(json.dumps(typed_value(found, found.values))) == int(text, 0)


def test_long_digits_with_a_letter_are_a_text() -> None:
    assert param("7" * 100_000 + "x").type == spec_pb2.PARAM_TYPE_TEXT
