"""Sort keys of nodes: strings whose order, compared byte by byte, is the order of the spec.

A key has one part a level, from the root down, joined by U+0001. A part is the number of the node among its
siblings as written and, for a repeat, its index. Numbers are written so that the smaller one sorts first.

Invariant: a node sorts before its descendants, and these before the node's next sibling.
"""

from typing import Final

from gator.node_paths import LEVEL_SEPARATOR
from gator.plan.nodes import PlanNode

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_LENGTHS: Final = "..WXYZabcdefghijk"
"""First characters of numbers with two or more digits, by the number of digits."""
_AFTER_ALL: Final = "~"
"""Sorts after every index."""


def sort_key(node: PlanNode, path: str) -> str:
    """Returns the sort key of the instance of `node` that has this path."""
    parts: list[str] = []
    above: PlanNode | None = node
    while above is not None:
        path, _, name = path.rpartition("/")
        part = _number(above.index)
        if above.repeats is not None:
            part += _number(above.index_in(name))
        parts.append(part)
        above = above.parent
    parts.reverse()
    return LEVEL_SEPARATOR.join(parts)


def key_below(parent: str, node: PlanNode) -> str:
    """Returns the sort key of a child of the instance with the key `parent`.

    For a child that repeats, the key sorts after all its repeats.
    """
    after = "" if node.repeats is None else _AFTER_ALL
    return f"{parent}{LEVEL_SEPARATOR}{_number(node.index)}{after}" if parent else _number(node.index)


def _number(value: int) -> str:
    if value < 32:
        return _DIGITS[value]
    text = ""
    while value:
        text = _DIGITS[value & 31] + text
        value >>= 5
    return _LENGTHS[len(text)] + text
