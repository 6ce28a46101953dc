"""Reads the matrix of an array: lists of values by name, or rows; and the combinations that are left out."""

from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import params
from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null, position
from gator.spec.builders.scope import KeyContext, NodeScope, check_placeholders
from gator.spec.builders.values import texts
from gator.spec.interpolation import CONSTANTS
from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2


def read_matrix(array: spec_pb2.JobArray, key: KeyContext) -> None:
    """Reads the value of `matrix`."""
    matrix, context = array.matrix, key.context
    matrix.position.CopyFrom(position(key.value))
    if isinstance(key.value, MappingNode):
        for name, pair in context.pairs(key.value).items():
            if _is_name(context, pair.key, name):
                _axis(matrix.axes.add(name=name), KeyContext(context, key.entry, pair, key.scope))
        if not matrix.axes:
            context.problem(key.value, "the matrix is empty: write {NAME: [VALUE, VALUE]}")
    elif isinstance(key.value, SequenceNode):
        _rows(matrix, context, key.value, key.scope)
    elif context.standard(key.value):
        context.problem(
            key.value, "'matrix' must be lists of values, such as {test: [a, b]}, or a list of rows"
        )


def read_exclude(matrix: Any, key: KeyContext) -> None:
    """Reads the value of `exclude`: a mapping of values by name, or a list of them."""
    context = key.context
    items = key.value.value if isinstance(key.value, SequenceNode) else [key.value]
    for item in items:
        if not isinstance(item, MappingNode):
            context.problem(
                item, "'exclude' must be a mapping or a list of mappings, such as [{test: a, mode: x}]"
            )
            continue
        rule: dict[str, str] = {}
        for name, pair in context.pairs(item).items():
            text = scalars.text(context, pair.value, name)
            if text is not None and scalars.has_no_placeholder(context, pair.value, text, "exclude"):
                rule[name] = text
        if rule:
            matrix.exclude.add(values=rule)


def check_matrix(context: SpecContext, array: spec_pb2.JobArray, pairs: dict[str, Pair]) -> None:
    """Checks what concerns several keys of an array with a matrix."""
    matrix = array.matrix
    matrix.numbered = "repeats" in pairs and not is_null(pairs["repeats"].value)
    names = [axis.name for axis in matrix.axes] or list(matrix.names)
    if matrix.exclude and not names:
        if "matrix" not in pairs:
            context.problem(
                pairs["exclude"].key, "'exclude' requires a 'matrix' to leave combinations out of"
            )
        return
    for rule in matrix.exclude:
        for name in rule.values:
            if name not in names:
                message = f"exclude: '{name}' is not a name of the matrix{did_you_mean(name, names)}"
                context.problem_within(pairs["exclude"].value, name, message)


def names_of(pairs: dict[str, Pair]) -> frozenset[str]:
    """Returns the names of the matrix of an array, as `matrix.NAME`."""
    pair = pairs.get("matrix")
    value = pair.value if pair is not None else None
    if isinstance(value, SequenceNode) and value.value:
        value = value.value[0]
    if not isinstance(value, MappingNode):
        return frozenset()
    return frozenset(f"matrix.{key.value}" for key, _ in value.value if isinstance(key, ScalarNode))


def _axis(axis: spec_pb2.MatrixAxis, key: KeyContext) -> None:
    """Reads the values of a name: a list, or the placeholder of one."""
    context, value = key.context, key.pair.value
    if isinstance(value, ScalarNode) and "${{" in value.value:
        items = [(value, value.value)]
    else:
        items = texts(context, value, axis.name)
    for node, text in items:
        check_placeholders(context, node, text, CONSTANTS, key.scope)
        axis.values.append(text)


def _rows(matrix: spec_pb2.Matrix, context: SpecContext, value: Node, scope: NodeScope) -> None:
    names: list[str] = []
    for row in value.value:
        if not isinstance(row, MappingNode):
            context.problem(row, "a row of a matrix must be a mapping, such as {test: a, mode: x}")
            return
        if names and [key.value for key, _ in row.value] == names:
            # Nearly all rows have the same keys in the same order, and there may be many.
            context.count_values(len(names))
            nodes = [node for _, node in row.value]
        else:
            pairs = {
                key: pair for key, pair in context.pairs(row).items() if _is_name(context, pair.key, key)
            }
            if not names:
                names = list(pairs)
                matrix.names.extend(names)
            if not _has_names(context, row, set(pairs), names):
                continue
            nodes = [pairs[name].value for name in names]
        matrix.rows.add(values=[_value(context, *pair, scope) for pair in zip(nodes, names, strict=True)])
    if not matrix.names:
        context.problem(value, "the matrix is empty: write rows, such as [{test: a, mode: x}]")


def _has_names(context: SpecContext, row: Node, present: set[str], names: list[str]) -> bool:
    """Returns whether a row has the names of the first one; reports a problem otherwise."""
    if present == set(names):
        return True
    missing = ", ".join(name for name in names if name not in present)
    what = f"has no '{missing}'" if missing else f"has '{', '.join(sorted(present - set(names)))}'"
    context.problem(row, f"a row must have the keys of the first row: this one {what}")
    return False


def _value(context: SpecContext, node: Node, name: str, scope: NodeScope) -> str:
    text = scalars.text(context, node, name) or ""
    if "${{" in text:
        check_placeholders(context, node, text, CONSTANTS, scope)
    return text


def _is_name(context: SpecContext, node: Node, name: str) -> bool:
    if params.NAME.fullmatch(name):
        return True
    context.problem(node, f"'{name}' cannot be a name in a matrix: use letters, digits and _")
    return False
