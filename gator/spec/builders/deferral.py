"""Defers values with `${{ }}` of keys that have a type, such as numbers and durations, for the plan.

`gator.spec.builders.deferred` reads them there.
"""

from collections.abc import Iterator
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys
from gator.spec.builders.context import SpecContext, position
from gator.spec.builders.scope import KeyContext, check_placeholders
from gator.spec.interpolation import CONSTANTS, PLACEHOLDERS
from gator.spec.yaml.nodes import MAP, SEQ, STR
from gator.v1 import spec_pb2

_USUAL: Final[dict[type[Node], str]] = {ScalarNode: STR, SequenceNode: SEQ, MappingNode: MAP}
_MAX_DEPTH: Final = 32


def is_deferred(key: KeyContext) -> bool:
    """Returns whether the value of a key can be read only when its placeholders are filled in."""
    if key.entry.type not in keys.DEFERRED or (key.scope.is_root and key.name in keys.ROOT_AT_ONCE):
        return False
    return any("${{" in scalar.value for scalar in _typed(key))


def keep(deferred: spec_pb2.DeferredKey, key: KeyContext) -> None:
    """Checks the names in a value, and keeps it as written."""
    for scalar in _typed(key):
        _check(key, scalar)
    deferred.name = key.name
    deferred.position.CopyFrom(position(key.node))
    _keep(key.context, deferred.value, key.value, 0)


def without_deferred(key: KeyContext) -> KeyContext | None:
    """Returns a key with the parts that are read at once; None if the whole value is read by the plan."""
    parts = keys.DEFERRED[key.entry.type]
    if not parts or not isinstance(key.value, MappingNode):
        return None
    kept = [
        (name, value)
        for name, value in key.value.value
        if not (isinstance(value, ScalarNode) and "${{" in value.value and name.value in parts)
    ]
    rest = MappingNode(key.value.tag, kept, key.value.start_mark, key.value.end_mark)
    return key._replace(pair=key.pair._replace(value=rest))


def _check(key: KeyContext, node: ScalarNode) -> None:
    is_constant = key.name in keys.WITHOUT_MATRIX
    refused = [name for name in PLACEHOLDERS if name not in CONSTANTS]
    for name in (*refused, *(key.scope.matrix if is_constant else ())):
        if f"${{{{ {name} }}}}" in node.value:
            permitted = "params, env" if is_constant else "params, matrix, env"
            message = f"${{{{ {name} }}}} cannot be used in {key.name}: only {permitted} and the run can"
            key.context.problem_within(node, name, message)
            return
    check_placeholders(key.context, node, node.value, CONSTANTS, key.scope)


def _typed(key: KeyContext) -> Iterator[ScalarNode]:
    """Yields the strings of a value that have a type."""
    parts = keys.DEFERRED[key.entry.type]
    if not parts or not isinstance(key.value, MappingNode):
        yield from _scalars(key.value)
        return
    for name, value in key.value.value:
        if isinstance(name, ScalarNode) and name.value in parts:
            yield from _scalars(value)


def _scalars(node: Node, depth: int = 0) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif depth < _MAX_DEPTH:
        for item in node.value:
            yield from _scalars(item[1] if isinstance(node, MappingNode) else item, depth + 1)


def _keep(context: SpecContext, kept: spec_pb2.DeferredValue, node: Node, depth: int) -> None:
    if depth > _MAX_DEPTH:
        context.problem(node, f"values are nested more than {_MAX_DEPTH} deep")
        return
    kept.position.CopyFrom(position(node))
    if node.tag != _USUAL.get(type(node)):
        kept.tag = node.tag
    if isinstance(node, ScalarNode):
        context.count_values(1)
        if node.style:
            kept.text = node.value
        else:
            kept.plain = node.value
        return
    context.count_values(len(node.value))
    is_mapping = isinstance(node, MappingNode)
    values = kept.pairs if is_mapping else kept.items
    values.SetInParent()
    for item in node.value:
        for part in item if is_mapping else (item,):
            _keep(context, values.values.add(), part, depth + 1)
