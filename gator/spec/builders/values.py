"""Reads values of several parts: mappings, their known keys, and lists of strings."""

from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys
from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null
from gator.spec.suggestions import did_you_mean


def mapping(context: SpecContext, node: Node, what: str) -> dict[str, Pair]:
    """Returns the pairs of a mapping; none after a problem."""
    if isinstance(node, MappingNode):
        return context.pairs(node) if context.standard(node) else {}
    if context.standard(node):
        context.problem(
            node,
            f"{scalars.shown_key(what)} must be a mapping, such as {_EXAMPLES.get(what, '{name: value}')}",
        )
    return {}


_EXAMPLES: Final = {
    "artefacts": "{produces: {sim: build/simv}}",
    "produces": "{sim: build/simv}",
    "env": "{NAME: value}",
    "hooks": "{before: ./prepare.sh}",
    "limits": "{error: 0}",
    "params": "{mode: fast}",
    "quarantine": "{owner: me, reason: TICKET-1, until: 2027-01-31}",
    "retries": "{count: 2}",
    "ulimit": "{core: 0}",
    "licenses": "{ToolA: 4}",
    "expect": "{exit: [0, 3]}",
    "expect.metrics": "{coverage: '>= 80'}",
    "metrics": "{cycles: {match: 'ran (\\d+) cycles'}}",
}


def known(context: SpecContext, pairs: dict[str, Pair], what: str, type_name: str) -> dict[str, Pair]:
    """Returns the pairs with a known key and a value; reports each unknown key."""
    names = [key.name for key in keys.SUB_KEYS[type_name]]
    for name, pair in pairs.items():
        if name in names:
            continue
        message = f"unknown key '{name}' in {scalars.shown_key(what)}{did_you_mean(name, names)}"
        context.problem(pair.key, message)
    return {name: pair for name, pair in pairs.items() if name in names and not is_null(pair.value)}


def texts(context: SpecContext, node: Node, what: str) -> list[tuple[Node, str]]:
    """Returns the strings of a list, each with its node; reports items that are not strings."""
    if not isinstance(node, SequenceNode):
        if context.standard(node):
            shown = f": write [{context.source(node)}]" if isinstance(node, ScalarNode) else ""
            context.problem(node, f"{scalars.shown_key(what)} must be a list{shown}")
        return []
    if not context.standard(node):
        return []
    context.count_values(len(node.value))
    items: list[tuple[Node, str]] = []
    for item in node.value:
        if isinstance(item, ScalarNode) and not item.value and not item.style:
            context.problem(
                item, f"an item of {scalars.shown_key(what)} is missing: write '' for an empty string"
            )
            continue
        value = scalars.text(context, item, f"an item of {scalars.shown_key(what)}")
        if value is not None:
            items.append((item, value))
    return items


def text_or_texts(context: SpecContext, node: Node, what: str) -> list[tuple[Node, str]]:
    """Returns the strings of a list, or a single string, each with its node; reports what is not a string."""
    if not isinstance(node, ScalarNode):
        return texts(context, node, what)
    value = scalars.text(context, node, what)
    return [(node, value)] if value is not None else []
