"""Counts the jobs that keep their own value when an option of the command line sets that of the root."""

from collections.abc import Callable, Iterator
from typing import Final

from gator.plan.nodes import PlanNode
from gator.plan.plan import Plan
from gator.v1 import spec_pb2

_INHERITED: Final[dict[str, Callable[[spec_pb2.Settings], object]]] = {
    "--parser": lambda settings: settings.parsers,
    "--timeout": lambda settings: settings.timeout_millis,
    "--limit-warning": lambda settings: settings.limits.warning,
    "--limit-error": lambda settings: settings.limits.error,
    "--limit-critical": lambda settings: settings.limits.critical,
}
"""Options that apply to a job through the nearest level that sets them."""
_BESIDE: Final[dict[str, Callable[[PlanNode], int]]] = {
    "--deadline": lambda node: node.deadline_millis,
    "--max-fail": lambda node: node.max_fail,
    "--max-fail-per-cause": lambda node: node.max_fail_per_cause,
}
"""Options that apply to a whole subtree, in addition to those of the levels above."""


def describe_option_scope(plan: Plan, option: str, value: str) -> str:
    """Returns a note on the number of jobs that an option does not change; empty if there are none."""
    own = sum(_jobs(plan.root, _keeps(plan, option, value), 1))
    if not own:
        return ""
    are = "job is" if own == 1 else "jobs are"
    if option in _BESIDE:
        return f"{option} {value} applies to the whole run: {own:,} {are} in a group with its own value"
    keep = "keeps its own" if own == 1 else "keep their own"
    return f"{option} {value} applies to {plan.root.jobs - own:,} of {plan.root.jobs:,} jobs: {own:,} {keep}"


def _keeps(plan: Plan, option: str, value: str) -> Callable[[PlanNode], bool]:
    root = plan.root
    if option == "--seed":
        return plan.has_own_seed
    if option == "--param":
        name = value.partition("=")[0]
        values = _param_values(root, name)
        return lambda node: node.job is not None and _param_values(node, name) != values
    if option in _BESIDE:
        own = _BESIDE[option]
        return lambda node: node is not root and any(own(each) > 0 for each in node.resolved_variants())
    read = _INHERITED[option]
    given = read(root.settings)
    return lambda node: (
        node.job is not None and any(read(each.settings) != given for each in node.resolved_variants())
    )


def _param_values(node: PlanNode, name: str) -> list[str]:
    return [value for param in node.settings.params if param.name == name for value in param.values]


def _jobs(node: PlanNode, keeps: Callable[[PlanNode], bool], times: int) -> Iterator[int]:
    """Yields the numbers of jobs, repeats included, at or below a node that keep their own value."""
    if keeps(node):
        yield node.jobs * times
        return
    for child in node.children:
        yield from _jobs(child, keeps, times * child.instances)
