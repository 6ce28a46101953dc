"""Sort keys of nodes follow the order of the spec."""

from gator.plan import PlanNode, key_below, sort_key
from gator.v1 import common_pb2, spec_pb2


def node(ident: str, place: int = 0, parent: PlanNode | None = None, repeats: int | None = None) -> PlanNode:
    return PlanNode(
        ident=ident,
        kind=common_pb2.NODE_KIND_GROUP,
        template=ident if parent is None else f"{parent.template}/{ident}",
        parent=parent,
        order=0,
        position=common_pb2.SourcePosition(),
        settings=spec_pb2.Settings(),
        index=place,
        repeats=repeats,
    )


def test_a_node_sorts_before_all_below_it_and_that_before_its_next_sibling() -> None:
    top = node("top")
    zebra = node("zebra", 0, top)
    ant = node("ant", 1, top)
    paths = [(top, "top"), (zebra, "top/zebra"), (node("x", 0, zebra), "top/zebra/x"), (ant, "top/ant")]
    keys = [sort_key(one, path) for one, path in paths]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_siblings_sort_as_written_and_repeats_by_number_however_many_there_are() -> None:
    top = node("top")
    keys = [sort_key(node(f"n{place}", place, top), f"top/n{place}") for place in range(3000)]
    assert keys == sorted(keys)
    each = node("each", 5, top, repeats=1 << 31)
    numbers = [*range(2100), 32**3 - 1, 32**3, 32**4, (1 << 31) - 1]
    keys = [sort_key(each, f"top/each[{number}]") for number in numbers]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_repeats_that_do_not_exist_yet_sort_after_those_that_do_and_before_the_next_sibling() -> None:
    top = node("top")
    each = node("each", 1, top, repeats=1 << 31)
    rest = key_below(sort_key(top, "top"), each)
    assert sort_key(each, f"top/each[{(1 << 31) - 1}]") < rest
    assert sort_key(node("x", 0, each), "top/each[7]/x") < rest
    assert rest < sort_key(node("next", 2, top), "top/next")
    alone = node("alone", 3, top)
    assert key_below(sort_key(top, "top"), alone) == sort_key(alone, "top/alone")
