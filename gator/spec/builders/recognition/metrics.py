"""Reads `metrics`: the metrics whose values are taken from lines of output."""

from typing import Final

from yaml.nodes import MappingNode

from gator.enum_names import enum_value
from gator.spec import keys
from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null
from gator.spec.builders.scope import KeyContext
from gator.spec.builders.values import known, mapping
from gator.spec.metric_names import NAME_RULE, is_metric_name
from gator.spec.patterns import PatternError, compiled_pattern
from gator.spec.suggestions import did_you_mean
from gator.v1 import event_pb2, spec_pb2

_EXAMPLE: Final = r"write {match: 'ran (\d+) cycles', kind: max, unit: cycles}"
_MAX_UNIT: Final = 32
"""Maximum number of characters of a unit."""


def read_metrics(key: KeyContext) -> dict[str, spec_pb2.MetricRule]:
    """Returns the metrics by name. One that is null turns off that of the level above."""
    context = key.context
    rules: dict[str, spec_pb2.MetricRule] = {}
    for name, pair in mapping(context, key.value, "metrics").items():
        if not is_metric_name(name):
            context.problem(pair.key, f"'{name}' cannot be the name of a metric: {NAME_RULE}")
        elif is_null(pair.value):
            rules[name] = spec_pb2.MetricRule()
        elif not isinstance(pair.value, MappingNode):
            context.problem(pair.value, f"the metric {name} must be a mapping: {_EXAMPLE}")
        else:
            values = mapping(context, pair.value, "metrics")
            pairs = known(context, values, f"the metric {name}", "metrics")
            if "match" in pairs:
                rules[name] = _rule(context, pairs)
            elif len(pairs) == len(values):
                context.problem(pair.value, f"the metric {name} requires 'match', a pattern: {_EXAMPLE}")
    return rules


def _rule(context: SpecContext, pairs: dict[str, Pair]) -> spec_pb2.MetricRule:
    rule = spec_pb2.MetricRule()
    node = pairs["match"].value
    pattern = scalars.filled_text(context, node, "match")
    if pattern is not None and (problem := _pattern_problem(pattern)):
        context.problem(node, f"match: {problem}")
    elif pattern is not None:
        rule.match = pattern
    if "kind" in pairs:
        word = scalars.choice(context, pairs["kind"].value, "kind", keys.METRIC_KINDS)
        if word is not None:
            rule.kind = enum_value(event_pb2.MetricKind, word)
    if "unit" in pairs:
        unit = scalars.text(context, pairs["unit"].value, "unit")
        if unit is not None and len(unit) > _MAX_UNIT:
            context.problem(pairs["unit"].value, f"'unit' must not exceed {_MAX_UNIT} characters")
        elif unit is not None:
            rule.unit = unit
    return rule


def _pattern_problem(pattern: str) -> str:
    """Returns why no value can be taken from lines with a pattern; empty if one can."""
    try:
        compiled = compiled_pattern(pattern)
    except PatternError as error:
        return str(error)
    if "value" in compiled.groupindex:
        return ""
    names = [name for name in compiled.groupindex if did_you_mean(name, ("value",))]
    if names:
        return f"unknown group '{names[0]}'{did_you_mean(names[0], ('value',))}"
    if compiled.groups == 1:
        return ""
    if compiled.groups:
        return f"it has {compiled.groups} groups: name that of the value, (?P<value>…)"
    return "it has no group for the value: write one, such as (\\d+)"
