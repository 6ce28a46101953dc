"""The variables of the launch that jobs use, compared between a run and its rerun."""

import pytest

from gator.core.launch.variables import changed_variables
from gator.v1 import query_pb2


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"MODE": "slow"}, {"MODE": "slow"}, []),
        ({"MODE": "slow"}, {"MODE": "fast"}, ["MODE=slow, then MODE=fast"]),
        ({"MODE": "slow"}, {}, ["MODE=slow, then MODE not set"]),
        ({}, {"B": "0"}, ["B not set, then B=0"]),
    ],
)
def test_variables_that_changed_are_named(
    before: dict[str, str], after: dict[str, str], changed: list[str]
) -> None:
    assert changed_variables(query_pb2.Run(variables=before), query_pb2.Run(variables=after)) == changed


def test_values_that_were_not_recorded_are_not_compared() -> None:
    before = query_pb2.Run(unkept_variables=["TOKEN"])
    assert changed_variables(before, query_pb2.Run(variables={"TOKEN": "x"})) == []
