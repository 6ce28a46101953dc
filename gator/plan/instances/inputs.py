"""Names the jobs from which a job gets something. Its attempt finds it in the folder of the run."""

from collections.abc import Iterator

from gator.path_patterns import escape
from gator.plan.nodes import Condition, Edge, PlanNode, step_text
from gator.plan.tree import upwards
from gator.spec.interpolation import label_of
from gator.v1 import attach_pb2


def has_inputs(node: PlanNode) -> bool:
    """Returns whether a job gets anything from jobs that ran before it."""
    known = node.has_inputs
    if known is None:
        waits_for_failure = any(edge.condition is Condition.ON_FAIL for edge in _edges(node))
        known = node.has_inputs = bool(node.inputs) or waits_for_failure
    return known


def add_inputs(launch: attach_pb2.LaunchNode, node: PlanNode) -> None:
    """Adds to the launch of an attempt what it gets from jobs that ran before it."""
    launch.failures_of.extend(
        awaited_pattern(edge, launch.path) for edge in _edges(node) if edge.condition is Condition.ON_FAIL
    )
    for each in node.inputs:
        wanted = each.consumption
        launch.inputs.add(
            job=label_of(wanted.job.name),
            name=wanted.name,
            producers=awaited_pattern(each.edge, launch.path),
            repeated=each.is_repeated,
            optional=each.optional,
            when_done=wanted.when_done,
            any=wanted.any,
            copy=wanted.copy,
            unselected=each.edge.unselected,
        )


def _edges(node: PlanNode) -> Iterator[Edge]:
    return (edge for above in upwards(node) for edge in above.waits)


def awaited_pattern(edge: Edge, path: str) -> str:
    """Returns the pattern of the paths that the instance with this path waits for by an edge."""
    steps: list[str] = []
    index = list(edge.index or ())
    for node in upwards(edge.awaited):
        if node is edge.common:
            break
        number = ""
        if node.repeats is not None:
            given = index.pop() if index else -1
            text = step_text(node, given)
            number = f"[{text},*]" if isinstance(given, range) else f"[{text or '*'}]"
        steps.append(escape(node.ident) + number)
    within = path.split("/")[: edge.common.template.count("/") + 1]
    return "/".join([escape("/".join(within)), *reversed(steps)])
