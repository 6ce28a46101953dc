"""Context of the readers of keys: where a node is in the tree, and which key is read."""

from collections.abc import Collection
from typing import NamedTuple

from yaml.nodes import Node, ScalarNode

from gator.spec.builders.context import Pair, SpecContext
from gator.spec.interpolation import wrong_names
from gator.spec.keys import Key


class NodeScope(NamedTuple):
    """The part of the tree that a node is in, on which the meaning of some keys depends."""

    depth: int
    """Number of nodes above; 0 for the root."""
    in_array: bool
    default_ident: str
    """The ident of the node if it has no key `ident`."""
    params: frozenset[str] = frozenset()
    """Names of the parameters of this level and those above, as `params.NAME`."""
    params_above: frozenset[str] = frozenset()
    """Names of the parameters of the levels above, which those of this level may refer to."""
    own_params: frozenset[str] = frozenset()
    """Names of all parameters, while those of a level are read."""
    matrix: frozenset[str] = frozenset()
    """Names of the matrices of this array and those above, as `matrix.NAME`."""
    matrix_above: frozenset[str] = frozenset()
    """Names of the matrices of the arrays above."""
    own_matrix: frozenset[str] = frozenset()
    """Names of the matrix of this array."""

    def of_repeats(self) -> "NodeScope":
        """Returns the scope of the number of repeats, which may depend on the array's own matrix only."""
        return self._replace(in_array=False, matrix=self.own_matrix)

    def of_node(self) -> "NodeScope":
        """Returns the scope of the node itself: an array is in no combination of its own matrix."""
        return self._replace(matrix=self.matrix_above)

    @property
    def is_root(self) -> bool:
        """Whether this is the root."""
        return self.depth == 0


class KeyContext(NamedTuple):
    """A key of a node, with its value."""

    context: SpecContext
    entry: Key
    """The entry of the table of keys."""
    pair: Pair
    scope: NodeScope
    is_group: bool = False
    """Whether the node is a group or array."""

    @property
    def name(self) -> str:
        """Name of the key as in the table."""
        return self.entry.name

    @property
    def node(self) -> ScalarNode:
        """The YAML node of the key."""
        return self.pair.key

    @property
    def value(self) -> Node:
        """The YAML node of the value."""
        return self.pair.value

    @property
    def field(self) -> str:
        """Name of the field that gets the value."""
        return self.entry.path[1]


def check_placeholders(
    context: SpecContext, node: Node, text: str, allowed: Collection[str], scope: NodeScope
) -> None:
    """Reports each `${{ }}` in a string whose name is unknown here."""
    if "${{" not in text or context.is_filled:
        return
    here = {name for name in allowed if scope.in_array or name != "array"} | scope.params | scope.matrix
    for written, message in wrong_names(text, here):
        if written[3:-2].strip().partition(".")[0] in context.unknown_kinds:
            continue
        context.problem_within(node, written, message)
