"""Reads parameters: values whose spelling says their type, or declarations."""

from collections.abc import Iterator
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec import keys, params
from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null, position
from gator.spec.builders.scope import KeyContext, NodeScope, check_placeholders
from gator.spec.builders.values import known, mapping, texts
from gator.spec.interpolation import PLAN_TIME
from gator.v1 import spec_pb2

_LIST: Final = spec_pb2.PARAM_TYPE_LIST


def read_params(key: KeyContext) -> Iterator[spec_pb2.Param]:
    """Yields the parameters of a node."""
    context = key.context
    scope = key.scope._replace(params=key.scope.params_above, own_params=key.scope.params)
    above = (name.removeprefix("params.") for name in scope.params)
    variables = {params.variable_of(name): name for name in above}
    for name, pair in mapping(context, key.value, "params").items():
        if not params.NAME.fullmatch(name):
            message = f"'{name}' cannot be the name of a parameter: use letters, digits and _"
            context.problem(pair.key, message)
            continue
        other = variables.setdefault(params.variable_of(name), name)
        if other != name:
            message = f"'{name}' and '{other}' would both be the variable {params.variable_of(name)}"
            context.problem(pair.key, f"{message}: rename one of them")
            continue
        param = spec_pb2.Param(name=name, position=position(pair.key))
        if _read(context, pair, param, scope):
            yield param


def _check_names(context: SpecContext, node: Node, text: str, scope: NodeScope) -> None:
    """Reports each name in a value that is not known on the level above."""
    if "${{" not in text:
        return
    for name in scope.own_params:
        if name in text and name not in scope.params:
            message = (
                f"'{name}' is declared beside it, and a parameter can only refer to those of levels above"
            )
            context.problem_within(node, name, message)
            return
    check_placeholders(context, node, text, PLAN_TIME, scope)


def _read(context: SpecContext, pair: Pair, param: spec_pb2.Param, scope: NodeScope) -> bool:
    if isinstance(pair.value, MappingNode):
        return _declaration(context, pair, param, scope)
    if is_null(pair.value):
        message = f"{param.name} has no value: write '' for an empty string, or {{required: true}}"
        context.problem(pair.key, message)
        return False
    _type(param, pair.value)
    return _value(context, pair.value, param, scope)


def _declaration(context: SpecContext, pair: Pair, param: spec_pb2.Param, scope: NodeScope) -> bool:
    written = mapping(context, pair.value, param.name)
    pairs = known(context, written, f"the parameter '{param.name}'", "params")
    default = pairs.get("default")
    if "type" in pairs:
        word = scalars.choice(context, pairs["type"].value, "type", keys.PARAM_TYPES)
        if word is None:
            return False
        param.type = params.TYPES[word]
    elif default is not None:
        _type(param, default.value)
    if "choices" in pairs:
        param.choices.extend(text for _, text in texts(context, pairs["choices"].value, "choices"))
    if "help" in pairs:
        param.help = scalars.text(context, pairs["help"].value, "help") or ""
    if "required" in pairs:
        param.required = scalars.boolean(context, pairs["required"].value, "required") or False
    if param.required and default is not None:
        context.problem(default.key, f"{param.name} is required and has a default: remove one of both")
        return False
    if default is not None:
        return _value(context, default.value, param, scope)
    if not param.required:
        context.problem(pair.key, f"{param.name} has no default: add one, or write required: true")
    return param.required


def _type(param: spec_pb2.Param, value: Node) -> None:
    """Sets the type that the spelling of a value says."""
    if isinstance(value, SequenceNode):
        param.type = _LIST
    elif isinstance(value, ScalarNode):
        param.type = spec_pb2.PARAM_TYPE_TEXT if value.style else params.spelled_type(value.value)


def _value(context: SpecContext, value: Node, param: spec_pb2.Param, scope: NodeScope) -> bool:
    if param.type == _LIST:
        items = texts(context, value, param.name)
    else:
        text = scalars.text(context, value, param.name)
        if text is None:
            return False
        items = [(value, text)]
    for node, text in items:
        _check_names(context, node, text, scope)
        if "${{" not in text and (problem := params.value_problem(param, [text])):
            context.problem(node, problem)
            return False
        param.values.append(text)
    return True
