"""Seeds: the numbers here never change, because users keep them to repeat runs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.errors import UsageError
from gator.plan.instances.seeds import MAX_SEED, derive
from tests.unit.plan.plan_trees import array, group, job, plan, problems


def test_the_numbers_never_change() -> None:
    made = plan(group("top", job("a"), group("g", array("b", 5, job("c")))), seed=1)
    paths = ["top", "top/a", "top/g", "top/g/b", "top/g/b/c[0]", "top/g/b/c[4]"]
    assert [made.seed(path) for path in paths] == [
        1,
        1918097108,
        2089481201,
        1215928095,
        192990468,
        846878707,
    ]
    assert derive(42, "counting/echo_count[2]") == 1903051342
    assert derive(2147483647, "größe/ü") == 401011480


@given(st.integers(1, MAX_SEED), st.text(min_size=1))
def test_every_seed_is_in_range(seed: int, key: str) -> None:
    assert 1 <= derive(seed, key) <= MAX_SEED


def test_the_root_has_the_seed_of_the_request() -> None:
    assert plan(job("a"), seed=77).seed("a") == 77


def test_the_name_of_the_root_makes_no_difference() -> None:
    first, second = plan(group("one", job("a"))), plan(group("two", job("a")))
    assert first.seed("one/a") == second.seed("two/a")


def test_neither_neighbours_nor_selection_nor_order_change_a_seed() -> None:
    alone = plan(group("top", job("a"))).seed("top/a")
    assert plan(group("top", job("z"), job("a"), array("q", 3, job("r")))).seed("top/a") == alone
    assert plan(group("top", job("z"), job("a")), only=["a"]).seed("top/a") == alone


def test_repeats_have_different_seeds() -> None:
    made = plan(group("top", array("b", 1000, job("c"))))
    assert len({made.seed(f"top/b/c[{n}]") for n in range(1000)}) == 1000


def test_a_seed_of_its_own_restarts_the_hash_below() -> None:
    made = plan(group("top", group("g", job("x"), seed="99"), job("x")), seed=5)
    assert made.seed("top/g") == 99
    assert made.seed("top/g/x") == derive(99, "x")
    assert made.seed("top/x") == derive(5, "x")


def test_repeats_below_a_seed_of_their_own_still_differ() -> None:
    made = plan(group("top", array("a", 3, group("lane", job("x"), seed="99"))))
    assert made.seed("top/a/lane[1]") == derive(99, "[1]")
    assert made.seed("top/a/lane[1]/x") == derive(99, "[1]/x")


def test_random_below_the_root_means_the_hash() -> None:
    assert plan(group("top", job("a", seed="random")), seed=3).seed("top/a") == derive(3, "a")


def test_the_seed_in_the_spec_holds_where_the_request_has_none() -> None:
    assert plan(group("top", job("a"), seed="8"), seed=0).seed("top") == 8
    assert plan(group("top", job("a"), seed="8"), seed=9).seed("top") == 9
    assert plan(group("top", job("a")), seed=0).seed("top") == 1


@pytest.mark.parametrize(
    ("asked", "path", "seed"),
    [
        ({"top/a/x[1]": 7}, "top/a/x[1]", 7),
        ({"top/a/x[1]": 7}, "top/a/x[2]", derive(1, "a/x[2]")),
        ({"top/a/x": 7}, "top/a/x[2]", derive(7, "[2]")),
        ({"top/a/x": 7, "top/a/x[2]": 8}, "top/a/x[2]", 8),
        ({"top/a": 7}, "top/a/x[2]", derive(7, "x[2]")),
        ({"top/g": 7}, "top/g/y", derive(7, "y")),
        ({"top": 7}, "top/h", derive(7, "h")),
        ({"top": 7}, "top", 7),
    ],
)
def test_a_seed_can_be_asked_for_by_path(asked: dict[str, int], path: str, seed: int) -> None:
    made = plan(group("top", array("a", 3, job("x")), group("g", job("y"), seed="5"), job("h")), seeds=asked)
    assert made.seed(path) == seed


def test_a_seed_that_is_not_a_number_is_refused() -> None:
    assert problems(group("top", job("a", seed="many"))) == [
        "'seed' must be a number or 'random', not 'many'"
    ]


def test_a_seed_may_come_from_the_environment() -> None:
    made = plan(group("top", job("a", seed="${{ env.N }}")), environment={"N": "12"})
    assert made.seed("top/a") == 12


def test_a_seed_is_asked_for_by_any_end_of_a_path() -> None:
    tree = group("top", array("a", 3, group("lane", job("x"))), job("y"))
    made = plan(tree, seed=5, seeds={"y": 7, "a/lane[1]/x": 8})
    assert made.seed("top/y") == 7
    assert made.seed("top/a/lane[1]/x") == 8
    assert made.seed("top/a/lane[0]/x") == plan(tree, seed=5).seed("top/a/lane[0]/x")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("unknown", "--seed unknown=7: 'unknown' is not a node: see `gator plan SPEC`"),
        ("x", "--seed x=7: 'x' may be top/a/x, top/b/x: write more of its path"),
        ("lane[9]/x", "--seed lane[9]/x=7: 'lane[9]/x' is not a node: see `gator plan SPEC`"),
        (
            "inner[1]",
            "write the number of each repeat on the way, such as top/q/lane[0]/inner[0], or none",
        ),
    ],
)
def test_a_seed_for_what_cannot_have_it_is_refused(pattern: str, message: str) -> None:
    lanes = array("q", 3, array("lane", 2, job("inner")))
    with pytest.raises(UsageError, match=re.escape(message)):
        plan(group("top", group("a", job("x")), group("b", job("x")), lanes), seeds={pattern: 7})
