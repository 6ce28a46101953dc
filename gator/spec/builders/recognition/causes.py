"""Reads `causes`: rules by which people name the causes of failures."""

from yaml.nodes import MappingNode, Node, SequenceNode

from gator.spec.builders import scalars
from gator.spec.builders.context import SpecContext
from gator.spec.builders.values import known
from gator.spec.cause_names import name_problem
from gator.spec.patterns import pattern_problem
from gator.v1 import spec_pb2


def read_causes(context: SpecContext, value: Node) -> list[spec_pb2.CauseRule]:
    """Returns the rules in the value of `causes`, as far as they have no problems."""
    if not isinstance(value, SequenceNode):
        context.problem(value, "'causes' must be a list, such as [{name: NAME, match: PATTERN}]")
        return []
    rules = [_rule(context, item) for item in value.value]
    return [rule for rule in rules if rule is not None]


def _rule(context: SpecContext, node: Node) -> spec_pb2.CauseRule | None:
    if not isinstance(node, MappingNode):
        context.problem(node, "a cause must be a mapping, such as {name: NAME, match: PATTERN}")
        return None
    pairs = known(context, context.pairs(node), "a cause", "causes")
    texts = {name: scalars.filled_text(context, pair.value, name) for name, pair in pairs.items()}
    rule = spec_pb2.CauseRule(**{name: text for name, text in texts.items() if text is not None})
    if "name" not in pairs:
        context.problem(node, "a cause requires a 'name': write {name: NAME, match: PATTERN}")
    elif rule.name and (problem := name_problem(rule.name)):
        context.problem(pairs["name"].value, problem)
    if not {"match", "paths"} & set(pairs):
        context.problem(node, "a cause requires 'match', a pattern of the first error, or 'paths'")
    if rule.match and (problem := pattern_problem(rule.match)):
        context.problem(pairs["match"].value, f"match: {problem}")
    return rule
