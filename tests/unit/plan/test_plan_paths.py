"""How long the path of a node may be, and how many jobs a run may have."""

from gator.v1 import spec_pb2
from tests.unit.plan.plan_trees import array, group, job, plan, problems

LONG = "x" * 124


def nested(levels: int, ident: str = LONG) -> spec_pb2.Spec:
    """Groups in groups, with a job in the innermost."""
    spec = job("last")
    for _ in range(levels):
        spec = group(ident, spec)
    return spec


def test_a_path_of_two_thousand_bytes_is_a_path() -> None:
    spec = nested(15, "é" * 64 + "y" * 4)
    (node,) = [node for node in plan(spec).nodes.values() if node.job is not None]
    assert 1990 < len(node.template.encode()) <= 2000


def test_a_longer_one_is_told_once_where_it_begins() -> None:
    (problem,) = problems(nested(20))
    assert problem == "its path may have 2124 bytes; the maximum is 2000: use shorter idents"


def test_the_numbers_of_repeats_count() -> None:
    assert problems(group("b" * 110, group("a", nested(15)))) == []
    (problem,) = problems(group("b" * 110, array("a", 7, nested(15)), job("c" * 128)))
    assert problem.startswith("its path may have 20")


def test_more_jobs_than_numbers_of_json_can_tell_apart_are_refused() -> None:
    assert problems(array("a", 2**31 - 1, array("b", 2**22, job("c")))) == []
    (problem,) = problems(array("a", 2**31 - 1, array("b", 2**31 - 1, job("c"))))
    maximum = "the maximum of a run is 9,007,199,254,740,992: lower 'repeats'"
    assert problem == f"the plan has 4,611,686,014,132,420,609 jobs; {maximum}"
