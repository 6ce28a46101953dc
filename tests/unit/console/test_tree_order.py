"""The nodes of a run in the order of its spec."""

from collections.abc import Sequence

from gator.cli.tree_order import in_order
from gator.v1 import query_pb2

ORDER = ["top", "top/z", "top/z/y", "top/z/x", "top/b", "top/a"]


def ordered(paths: Sequence[str], order: Sequence[str], most: int = 100) -> list[str]:
    nodes = (query_pb2.Node(path=path) for path in sorted(paths))
    return [node.path for node in in_order(nodes, lambda: order, most)]


def test_siblings_are_in_the_order_of_the_spec_and_repeats_by_number():
    repeats = [f"top/z/{name}[{number}]" for name in "yx" for number in range(12)]
    wanted = ["top", "top/z", *repeats, "top/b", "top/a"]
    assert ordered(wanted, ORDER) == wanted


def test_what_is_below_a_repeat_stays_below_it():
    wanted = [
        "top/b[2]",
        "top/b[2]/y",
        "top/b[2]/x",
        "top/b[10]",
        "top/b[10]/y",
        "top/b[10]/y/deep",
        "top/b[10]/x",
    ]
    assert ordered(wanted, ["top", "top/b", "top/b/y", "top/b/y/deep", "top/b/x"]) == wanted


def test_what_the_spec_does_not_know_comes_last_by_its_path():
    assert ordered(["top/new", "top/b", "top/late"], ORDER) == ["top/b", "top/late", "top/new"]


def test_without_a_spec_the_order_is_that_of_the_paths():
    assert ordered(["top/b", "top/a"], []) == ["top/a", "top/b"]


def test_of_too_many_nodes_none_is_held_back():
    asked = list[str]()

    def ask() -> list[str]:
        asked.append("asked")
        return ORDER

    nodes = (query_pb2.Node(path=path) for path in ("top", "top/a", "top/b", "top/z"))
    assert [node.path for node in in_order(nodes, ask, 3)] == ["top", "top/a", "top/b", "top/z"]
    assert not asked
