"""Reads `expect`: what must hold of an attempt, or of a group, to pass."""

import signal
from collections.abc import Iterator
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode

from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null, items_of
from gator.spec.builders.scope import KeyContext
from gator.spec.builders.values import known, mapping
from gator.spec.contracts import EXAMPLES, ContractError, contract_of, figure_problem
from gator.spec.metric_names import NAME_RULE, is_metric_name
from gator.spec.patterns import pattern_problem
from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2

_SIGNALS: Final = {number.name: int(number) for number in signal.Signals}
_MAX_EXIT: Final = 255
_CONTRACT: Final = "{coverage: '>= 80'}"


def read_expect(key: KeyContext, *, is_job: bool) -> spec_pb2.Expect | None:
    """Returns what is expected; None after a problem."""
    context = key.context
    if not isinstance(key.value, MappingNode):
        mapping(context, key.value, "expect")
        return None
    if not key.value.value:
        context.problem(key.value, "'expect' is empty: write what must hold, such as {exit: [0, 3]}")
    expect = spec_pb2.Expect()
    for name, pair in known(context, mapping(context, key.value, "expect"), "expect", "expect").items():
        if name != "metrics" and not is_job:
            context.problem(pair.key, f"'{name}' belongs to a job: a group can expect only metrics")
        elif name == "metrics":
            for contract in _contracts(context, pair):
                expect.contracts.append(contract)
        elif name == "exit":
            _exits(context, pair.value, expect)
        else:
            patterns = expect.log if name == "log" else expect.not_log
            patterns.extend(_patterns(context, pair.value, name))
    return expect


def _items(context: SpecContext, node: Node, problem: str) -> list[Node]:
    """Returns the items of a list, or a single value; reports an empty list, which would check nothing."""
    items = items_of(node)
    if not items:
        context.problem(node, problem)
    return items


def _patterns(context: SpecContext, node: Node, name: str) -> Iterator[str]:
    for item in _items(context, node, f"'{name}' is empty: write a pattern"):
        pattern = scalars.filled_text(context, item, name)
        if pattern is None or not scalars.has_no_placeholder(context, item, pattern, name):
            continue
        if problem := pattern_problem(pattern):
            context.problem(item, f"{name}: {problem}")
        else:
            yield pattern


def _exits(context: SpecContext, node: Node, expect: spec_pb2.Expect) -> None:
    for item in _items(context, node, "'exit' is empty: write a code or a signal, such as 0 or SIGTERM"):
        text = scalars.text(context, item, "exit")
        if text is None:
            continue
        if text in _SIGNALS:
            expect.signals.append(_SIGNALS[text])
        elif text.isascii() and text.isdecimal():
            code = scalars.integer(context, item, "exit", 0, _MAX_EXIT)
            if code is not None:
                expect.exit_codes.append(code)
        else:
            near = did_you_mean(text, _SIGNALS)
            context.problem(item, f"'exit' must be a code or a signal such as SIGTERM, not '{text}'{near}")


def _contracts(context: SpecContext, pair: Pair) -> Iterator[spec_pb2.Contract]:
    metrics = mapping(context, pair.value, "expect.metrics")
    if isinstance(pair.value, MappingNode) and not pair.value.value:
        context.problem(pair.value, f"'metrics' is empty: write a condition, such as {_CONTRACT}")
    for name, each in metrics.items():
        if not is_metric_name(name):
            context.problem(each.key, f"'{name}' cannot be the name of a metric: {NAME_RULE}")
        elif isinstance(each.value, MappingNode):
            if not each.value.value:
                context.problem(each.value, f"the metric {name} needs a condition: write {EXAMPLES}")
            for figure, condition in mapping(context, each.value, "expect.metrics").items():
                if problem := figure_problem(figure):
                    context.problem(condition.key, problem)
                else:
                    yield from _conditions(context, condition.value, name, figure)
        else:
            yield from _conditions(context, each.value, name, "value")


def _conditions(context: SpecContext, node: Node, metric: str, figure: str) -> Iterator[spec_pb2.Contract]:
    missing = f"the metric {metric} needs a condition: write {EXAMPLES}"
    for item in _items(context, node, missing):
        if is_null(item) or not isinstance(item, ScalarNode):
            context.problem(item, missing)
            continue
        text = scalars.text(context, item, metric)
        if text is None or not scalars.has_no_placeholder(context, item, text, "a condition"):
            continue
        try:
            yield contract_of(metric, figure, text)
        except ContractError as error:
            context.problem(item, str(error))
