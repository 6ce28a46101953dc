"""Reads values whose placeholders have been filled in, by the same functions as all other values."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from yaml.error import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.errors import Problem
from gator.spec import keys
from gator.spec.builders.context import Pair, SpecContext
from gator.spec.builders.node_keys import READERS, NodeMessage
from gator.spec.builders.scope import KeyContext, NodeScope
from gator.spec.yaml.nodes import MAP, SEQ, STR
from gator.v1 import common_pb2, spec_pb2

Fill: TypeAlias = Callable[[str, bool], str]
"""Returns a string with all placeholders filled in; with True, the values are literals of a pattern.

Raises ValueError with why a name has no value.
"""

_SCOPE: Final = NodeScope(1, in_array=False, default_ident="")
_PATTERNS: Final = {"expect": ("log", "not_log")}
"""Names of parts that are patterns, by the type of the value."""


def read(built: NodeMessage, deferred: Iterable[spec_pb2.DeferredKey], fill: Fill) -> Sequence[Problem]:
    """Reads keys of a node into its message; returns the problems with their values."""
    context = SpecContext(is_filled=True)
    for each in deferred:
        entry = keys.NODE_KEYS[each.name]
        name = ScalarNode(STR, each.name, *_marks(each.position))
        try:
            value = _Filling(fill, entry.type).node(each.value)
        except ValueError as error:
            context.problem(name, f"{each.name}: {error}")
            continue
        part, _ = entry.path
        is_group = not isinstance(built, spec_pb2.Job)
        key = KeyContext(context, entry, Pair(name, value), _SCOPE, is_group=is_group)
        READERS[entry.type](getattr(built, part) if part else built, key)
    return context.problems


class _Filling:
    """Makes the nodes of one value."""

    def __init__(self, fill: Fill, type_name: str) -> None:
        self._fill = fill
        self._parts = keys.DEFERRED[type_name]
        self._patterns = _PATTERNS.get(type_name, ())

    def node(self, kept: spec_pb2.DeferredValue, name: str = "") -> Node:
        """Returns the node of a value, which the mapping around it has by this name."""
        start, end = _marks(kept.position)
        match kept.WhichOneof("value"):
            case "items":
                items = [self.node(item, name) for item in kept.items.values]
                return SequenceNode(kept.tag or SEQ, items, start, end)
            case "pairs":
                return MappingNode(kept.tag or MAP, self._pairs(kept.pairs.values), start, end)
            case "text":
                return ScalarNode(kept.tag or STR, self._text(kept.text, name), start, end, style='"')
            case _:
                # What was put in is never null.
                style = '"' if "${{" in kept.plain else None
                return ScalarNode(kept.tag or STR, self._text(kept.plain, name), start, end, style)

    def _pairs(self, values: Sequence[spec_pb2.DeferredValue]) -> list[tuple[Node, Node]]:
        pairs: list[tuple[Node, Node]] = []
        for key, value in zip(values[::2], values[1::2], strict=True):
            name = key.text or key.plain
            written = ScalarNode(STR, name, *_marks(key.position), style='"' if key.text else None)
            pairs.append((written, self.node(value, name)))
        return pairs

    def _text(self, text: str, name: str) -> str:
        if "${{" not in text:
            return text
        if self._parts and name and name not in self._parts:
            return text  # It is filled in later, as `hooks.before` is.
        return self._fill(text, name in self._patterns)


def _marks(position: common_pb2.SourcePosition) -> tuple[Mark, Mark]:
    mark = Mark(position.file, 0, position.line - 1, position.column - 1, None, 0)
    return mark, mark
