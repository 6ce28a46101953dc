"""Reads single values: strings, numbers, durations, sizes, choices. None is returned after a problem."""

from collections.abc import Sequence

from yaml.nodes import Node, ScalarNode

from gator.spec.builders.context import SpecContext, is_null
from gator.spec.builders.include import TAG as INCLUDE
from gator.spec.exec_limits import MAX_STRING_BYTES, byte_length, too_long
from gator.spec.suggestions import did_you_mean
from gator.spec.yaml.hints import quoted
from gator.spec.yaml.nodes import STR
from gator.units import parse_duration, parse_integer, parse_size

MAX_COUNT = 2**31 - 1
"""Maximum of a number without a range of its own."""

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def shown_key(what: str) -> str:
    """Returns the subject of an error: a key in quotes; tags and other words as they are."""
    return what if " " in what or what[0] == "!" else f"'{what}'"


def text(context: SpecContext, node: Node, what: str) -> str | None:
    """Returns a scalar as written."""
    if not isinstance(node, ScalarNode):
        if node.tag != INCLUDE and context.standard(node):
            shown = context.source(node)
            hint = f": quote it if it is one, {quoted(shown)}" if shown else ""
            context.problem(node, f"{shown_key(what)} must be a string{hint}")
        return None
    if node.tag != STR and not _scalar_tag(context, node):
        return None
    value: str = node.value
    if context.is_deferring and "${{" in value:
        return None
    if "\0" in value:
        context.problem(node, f"{shown_key(what)} cannot hold a NUL character: remove \\0")
        return None
    return value


def fits_exec_limits(context: SpecContext, node: Node, value: str, what: str) -> bool:
    """Returns whether a process can be started with a string; records a problem if it is too long."""
    if 4 * len(value) <= MAX_STRING_BYTES or (size := byte_length(value)) <= MAX_STRING_BYTES:
        return True
    context.problem(node, too_long(shown_key(what), size))
    return False


def _scalar_tag(context: SpecContext, node: ScalarNode) -> bool:
    if node.tag == INCLUDE:
        return False
    if node.tag.startswith("!"):
        context.problem(node, f"unknown tag {node.tag}: quote a string that starts with !")
        return False
    return context.standard(node)


def filled_text(context: SpecContext, node: Node, what: str) -> str | None:
    """Returns a string that is not empty."""
    value = text(context, node, what)
    if value is not None and not value.strip():
        context.problem(node, f"{shown_key(what)} cannot be empty")
        return None
    return value


def has_no_placeholder(context: SpecContext, node: Node, value: str, what: str) -> bool:
    """Returns whether a string has no `${{ }}`; reports a problem otherwise."""
    if "${{" not in value or context.is_filled:
        return True
    context.problem(node, f"${{{{ }}}} cannot be used in {shown_key(what)}")
    return False


def integer(
    context: SpecContext,
    node: Node,
    what: str,
    minimum: int = 0,
    maximum: int = MAX_COUNT,
    *,
    alternative: str = "",
) -> int | None:
    """Returns a whole number, decimal or 0x; `alternative` is added to the error about anything else."""
    value = text(context, node, what)
    if value is None or not has_no_placeholder(context, node, value, what):
        return None
    number = parse_integer(value)
    if number is None:
        context.problem(node, f"{shown_key(what)} must be a whole number{alternative}, not '{value}'")
        return None
    if minimum <= number <= maximum:
        return number
    bound = f"at least {minimum}" if number < minimum else f"at most {maximum}"
    context.problem(node, f"{shown_key(what)} must be {bound}, not {value}")
    return None


def boolean(context: SpecContext, node: Node, what: str, *, alternative: str = "") -> bool | None:
    """Returns a boolean, written in any way that YAML 1.1 has; `alternative` is added to the error."""
    value = text(context, node, what)
    if value is None:
        return None
    known = _BOOLEANS.get(value.lower())
    if known is None:
        context.problem(node, f"{shown_key(what)} must be true or false{alternative}, not '{value}'")
    return known


def choice(context: SpecContext, node: Node, what: str, words: Sequence[str]) -> str | None:
    """Returns one of `words`."""
    value = text(context, node, what)
    if value is None or value in words:
        return value
    known = ", ".join(words[:-1]) + f" or {words[-1]}"
    context.problem(node, f"{shown_key(what)} must be {known}, not '{value}'{did_you_mean(value, words)}")
    return None


def duration(context: SpecContext, node: Node, what: str) -> int | None:
    """Returns the milliseconds of a duration; 0 for `none`."""
    value = text(context, node, what)
    if value is None or not has_no_placeholder(context, node, value, what):
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        context.problem(node, f"{shown_key(what)} {error}, not '{value}'")
        return None


def size(context: SpecContext, node: Node, what: str, unit: str) -> int | None:
    """Returns the bytes of a size."""
    value = text(context, node, what)
    if value is None or not has_no_placeholder(context, node, value, what):
        return None
    try:
        return parse_size(value, unit)
    except ValueError as error:
        context.problem(node, f"{shown_key(what)} {error}, not '{value}'")
        return None


def is_none_word(node: Node) -> bool:
    """Returns whether a value is a word for no limit."""
    return isinstance(node, ScalarNode) and not is_null(node) and node.value.lower() in ("none", "unlimited")
