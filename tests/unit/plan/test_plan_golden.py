"""Specs that load and yet have no plan, each with the exact text that a user sees."""

from pathlib import Path

import pytest

from gator.errors import SpecError
from gator.plan import make_plan
from gator.spec import load
from gator.v1 import plan_pb2

WRONG = sorted((Path(__file__).parents[2] / "golden" / "plans").glob("*.yaml"))


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_plan_is_explained(path: Path) -> None:
    loaded = load(path.read_text(), file=path.name)
    with pytest.raises(SpecError) as caught:
        make_plan(plan_pb2.PlanRequest(spec=loaded.spec, seed=1))
    assert f"{caught.value}\n" == path.with_suffix(".txt").read_text()


def test_the_golden_plans_are_there() -> None:
    assert len(WRONG) >= 25
