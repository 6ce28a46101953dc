"""Changes keys of an included node as the mapping of its `!Include` says."""

from collections.abc import Sequence
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys
from gator.spec.builders.context import Pair, SpecContext, items_of
from gator.spec.params import spelled_type, type_name
from gator.spec.suggestions import did_you_mean
from gator.spec.yaml.nodes import MAP, SEQ, STR

KEYS: Final = ("file", "command", "ident", "params", "env", "tags", "on_pass")
"""Keys of `!Include`."""


def scalar_text(context: SpecContext, pair: Pair) -> str:
    """Returns the text of a value; empty after a problem."""
    if isinstance(pair.value, ScalarNode) and pair.value.value:
        text: str = pair.value.value
        return text
    context.problem(pair.value, f"'{pair.key.value}' of !Include must be a string")
    return ""


def changed(context: SpecContext, include: Node, root: Node, pairs: dict[str, Pair]) -> Node | None:
    """Returns the included root with the changes of an include; None after a problem."""
    if not pairs.keys() - {"file", "command"}:
        return root
    if root.tag not in keys.KINDS or not isinstance(root, MappingNode):
        context.problem(
            include, "only a !Job, a !JobGroup or a !JobArray can be changed: write the path alone"
        )
        return None
    own = context.pairs(root)
    for name, pair in pairs.items():
        match name:
            case "ident":
                own[name] = pair
            case "env":
                own[name] = _merged(context, own.get(name), pair)
            case "params":
                own[name] = _with_values(context, own.get(name), pair)
            case "tags" | "on_pass":
                own[name] = _united(own.get(name), pair)
            case _:
                pass
    return _mapping(root, root.tag, [(pair.key, pair.value) for pair in own.values()])


def _merged(context: SpecContext, own: Pair | None, pair: Pair) -> Pair:
    if own is None or not isinstance(own.value, MappingNode) or not isinstance(pair.value, MappingNode):
        return pair
    both = {**context.pairs(own.value), **context.pairs(pair.value)}
    return Pair(own.key, _mapping(pair.value, MAP, [(each.key, each.value) for each in both.values()]))


def _united(own: Pair | None, pair: Pair) -> Pair:
    if own is None:
        return pair
    items = [item for each in (own, pair) for item in items_of(each.value)]
    node = SequenceNode(SEQ, items, pair.value.start_mark, pair.value.end_mark)
    return Pair(own.key, node)


def _with_values(context: SpecContext, own: Pair | None, pair: Pair) -> Pair:
    """Returns parameters with other values, which keep their types."""
    declared = context.pairs(own.value) if own is not None and isinstance(own.value, MappingNode) else {}
    if not isinstance(pair.value, MappingNode):
        context.problem(pair.value, "'params' of !Include must be a mapping of values, such as {mode: fast}")
        return own or pair
    for name, value in context.pairs(pair.value).items():
        known = declared.get(name)
        if known is None:
            hint = did_you_mean(name, declared) or ": declare it there, or remove it"
            context.problem(value.key, f"what is included has no parameter '{name}'{hint}")
            continue
        declared[name] = Pair(value.key, _declaration(context, known.value, value.value))
    pairs = [(each.key, each.value) for each in declared.values()]
    return Pair(own.key if own is not None else pair.key, _mapping(pair.value, MAP, pairs))


def _declaration(context: SpecContext, known: Node, value: Node) -> Node:
    """Returns the declaration of a parameter with another value as its default."""
    if isinstance(known, MappingNode):
        kept = {name: pair for name, pair in context.pairs(known).items() if name != "required"}
        default = kept.pop("default", None)
        pairs: list[tuple[Node, Node]] = [(pair.key, pair.value) for pair in kept.values()]
        if "type" not in kept and default is not None:
            pairs.append(_type(default.value, value))
    else:
        pairs = [_type(known, value)]
    return _mapping(value, MAP, [*pairs, (_scalar("default", value), value)])


def _type(known: Node, at: Node) -> tuple[Node, Node]:
    if isinstance(known, SequenceNode):
        word = "list"
    else:
        plain = isinstance(known, ScalarNode) and not known.style
        word = type_name(spelled_type(str(known.value))) if plain else "text"
    return _scalar("type", at), _scalar(word, at)


def _scalar(text: str, at: Node) -> ScalarNode:
    return ScalarNode(STR, text, at.start_mark, at.end_mark)


def _mapping(at: Node, tag: str, pairs: Sequence[tuple[Node, Node]]) -> MappingNode:
    return MappingNode(tag, list(pairs), at.start_mark, at.end_mark)
