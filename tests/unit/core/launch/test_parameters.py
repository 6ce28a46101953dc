"""The parameters of a run and of its reruns."""

import pytest

from gator.core.launch.parameters import params_of_runs, value_of
from gator.v1 import query_pb2

PARAMS = {"mode": "fast", "top/sims:depth": "4"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "fast"),
        ("top/sims:mode", "fast"),
        ("top/sims:depth", "4"),
        ("sims:depth", "4"),
        ("top/sims/run:depth", "4"),
        ("depth", None),
        ("top/other:depth", None),
    ],
)
def test_a_node_without_a_value_of_its_own_has_that_of_the_nearest_node_above(
    name: str, value: str | None
) -> None:
    assert value_of(PARAMS, name) == value


def test_a_value_that_is_given_to_a_node_may_be_that_of_the_node_above() -> None:
    runs = [
        query_pb2.Run(id="a", params=PARAMS),
        query_pb2.Run(id="b", params={**PARAMS, "top/sims:mode": "fast"}),
        query_pb2.Run(id="c", params={**PARAMS, "top/sims:mode": "slow"}),
    ]
    found = params_of_runs(runs)
    assert found["a"] == found["b"] != found["c"]
