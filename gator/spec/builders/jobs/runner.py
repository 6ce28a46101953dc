"""Reads `runner`: how the command of a job is started."""

import re
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null
from gator.spec.builders.scope import KeyContext, check_placeholders
from gator.spec.builders.values import known, mapping
from gator.spec.interpolation import PLAN_TIME
from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_CALL: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_ONE_PLACEHOLDER: Final = re.compile(r"\$\{\{[^{}]*\}\}")
"""Matches a string that must be quoted in some places, and still means the value that is put in."""
_WRITE: Final = (
    "write process, {python: {call: 'module:function'}}, {container: {image: IMAGE}} or {NAME: {…}}"
)
PROCESS: Final = ("process", "shell")
"""Names of the runner that starts the command itself."""
_BUILT_IN: Final = (*PROCESS, "python", "container")


def read_runner(settings: Any, key: KeyContext) -> None:
    """Reads a runner: a name, or a mapping of one name to its options."""
    context, value = key.context, key.value
    options: Node | None = None
    if isinstance(value, MappingNode):
        pairs = mapping(context, value, "runner")
        if len(pairs) != 1:
            context.problem(value, f"'runner' is one runner with its options: {_WRITE}")
            return
        ((name, pair),) = pairs.items()
        node: Node = pair.key
        options = None if is_null(pair.value) else pair.value
    else:
        text = scalars.filled_text(context, value, "runner")
        if text is None or not scalars.has_no_placeholder(context, value, text, "runner"):
            return
        name, node = text, value
    if _NAME.fullmatch(name) is None:
        context.problem(node, f"'{name}' cannot be the name of a runner: {_WRITE}")
        return
    if not _is_known(context, node, name):
        return
    runner = spec_pb2.Runner(name=name)
    runner.options.map.SetInParent()
    if name in PROCESS and options is not None:
        context.problem(options, f"the runner {name} has no options: write runner: {name}")
        return
    if options is not None and not isinstance(options, MappingNode):
        context.problem(
            options, f"the options of a runner must be a mapping: write {{{name}: {{NAME: VALUE}}}}"
        )
        return
    if name in _CHECKS and not _CHECKS[name](key, node, options):
        return
    if options is not None:
        _value(runner.options, key, options)
    settings.runner.CopyFrom(runner)


def _is_known(context: SpecContext, node: Node, name: str) -> bool:
    """Returns whether a runner may have a name; reports one that is neither built in nor installed."""
    if name in _BUILT_IN or context.runners is None:
        return True
    names = sorted(context.runners())
    if name in names:
        return True
    hint = did_you_mean(name, names) or f": use {', '.join(names)}, or install its package"
    context.problem(node, f"unknown runner '{name}'{hint}")
    return False


def _check_python(key: KeyContext, node: Node, options: MappingNode | None) -> bool:
    context = key.context
    pairs = known(context, context.pairs(options), "python", "python") if options is not None else {}
    if key.is_group:
        context.problem(node, "the runner python belongs on a !Job: it takes the place of a command")
        return False
    if "call" not in pairs:
        context.problem(node, "the runner python requires 'call': write {python: {call: 'module:function'}}")
        return False
    call = pairs["call"].value
    text = scalars.filled_text(context, call, "call")
    if text is not None and "${{" not in text and re.fullmatch(_CALL, text) is None:
        context.problem(call, f"'call' must be module:function, not '{text}'")
        return False
    if "with" in pairs and not isinstance(pairs["with"].value, MappingNode):
        context.problem(pairs["with"].value, "'with' must be a mapping of arguments, such as {x: 1}")
        return False
    return text is not None


def _check_container(key: KeyContext, node: Node, options: MappingNode | None) -> bool:
    context = key.context
    pairs = known(context, context.pairs(options), "container", "container") if options is not None else {}
    if "image" not in pairs:
        context.problem(node, "the runner container requires 'image': write {container: {image: IMAGE}}")
        return False
    return all(_is_text_or_list(context, name, pair) for name, pair in pairs.items())


def _is_text_or_list(context: SpecContext, name: str, pair: Pair) -> bool:
    is_list = name in ("mounts", "options") and isinstance(pair.value, SequenceNode)
    items = pair.value.value if is_list else [pair.value]
    return all(scalars.filled_text(context, item, name) is not None for item in items)


_CHECKS: Final = {"python": _check_python, "container": _check_container}


def _value(value: spec_pb2.RunnerValue, key: KeyContext, node: Node) -> None:
    """Reads a value with any structure; unquoted scalars get their types when the job starts."""
    context = key.context
    if isinstance(node, MappingNode):
        value.map.SetInParent()
        for name, pair in context.pairs(node).items():
            entry = value.map.entries.add(name=name)
            _value(entry.value, key, pair.value)
    elif isinstance(node, SequenceNode):
        value.list.SetInParent()
        if context.standard(node):
            context.count_values(len(node.value))
            for item in node.value:
                _value(value.list.items.add(), key, item)
    elif isinstance(node, ScalarNode):
        text = scalars.text(context, node, "an option of a runner")
        if text is not None:
            check_placeholders(context, node, text, PLAN_TIME, key.scope)
            if node.style and _ONE_PLACEHOLDER.fullmatch(text) is None:
                value.text = text
            else:
                value.plain = text
