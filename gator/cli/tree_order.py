"""Nodes in the order of the spec. Rule: no more than a few thousand nodes are ever held for it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

from gator.events import sort_key, template_of
from gator.v1 import query_pb2

MOST = 5000
"""Nodes that are put into order; of more the order of their paths is kept."""


def in_order(
    nodes: Iterator[query_pb2.Node], ask_order: Callable[[], Sequence[str]], most: int = MOST
) -> Iterator[query_pb2.Node]:
    """The nodes, which come in the order of their paths, in that of the spec where they are not too many.

    `ask_order` gives the paths of the spec in their order, without numbers of repeats.
    """
    first = list(islice(nodes, most + 1))
    if len(first) > most:
        return chain(first, nodes)
    places = {path: place for place, path in enumerate(ask_order())} if len(first) > 1 else {}
    return iter(sorted(first, key=lambda node: _key(node.path, places)) if places else first)


def _key(path: str, places: dict[str, int]) -> list[tuple[int, str]]:
    """Sorts a node behind its parent, among its siblings by the spec, and repeats of one by number."""
    key: list[tuple[int, str]] = []
    start = 0
    while start <= len(path):
        end = path.find("/", start)
        end = len(path) if end < 0 else end
        above = path[:end]
        key.append((places.get(template_of(above), sys.maxsize), sort_key(path[start:end])))
        start = end + 1
    return key
