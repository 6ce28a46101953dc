"""Renders a plan as text, as a Mermaid diagram and as JSON values."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from gator.plan.matrix import Matrix
from gator.plan.nodes import Condition, Edge, PlanNode, step_text
from gator.plan.plan import Plan
from gator.plan.tree import upwards
from gator.spec.literal import unmarked
from gator.spec.params import Value, typed_value
from gator.units import size_text
from gator.v1 import common_pb2, spec_pb2

_ENDED = {Condition.ON_PASS: "passed", Condition.ON_FAIL: "failed", Condition.ON_DONE: "ended"}
_KINDS = {
    common_pb2.NODE_KIND_JOB: "job",
    common_pb2.NODE_KIND_GROUP: "group",
    common_pb2.NODE_KIND_ARRAY: "array",
}
_MAX_RANGES = 8
_MAX_LABELS = 4
"""Maximum number of instances, or of values of one name, of a matrix in a tree."""
_MASK = "***"
_MAX_VALUE = 40
"""Maximum number of characters of a parameter's value in a tree."""


def tree_text(plan: Plan, hidden: Collection[str] = ()) -> str:
    """Returns the tree in columns, one line per node with its resources, parameters and dependencies.

    Values of parameters with the names in `hidden` are masked.
    """
    rows = [(plan.root.ident, _about(plan.root, hidden), "")]
    rows += _rows(plan.root, "", hidden)
    names = max(len(name) for name, _, _ in rows)
    abouts = max(len(about) for _, about, _ in rows)
    lines = [f"{name:{names}}  {about:{abouts}}  {waits}".rstrip() for name, about, waits in rows]
    jobs = "1 job" if plan.root.jobs == 1 else f"{plan.root.jobs:,} jobs"
    lines += ["", f"{jobs}, seed {plan.seed(plan.root.ident)}"]
    return "\n".join(lines) + "\n"


def _rows(node: PlanNode, indent: str, hidden: Collection[str]) -> Iterator[tuple[str, str, str]]:
    for child in node.children:
        last = child is node.children[-1]
        yield f"{indent}{'└─ ' if last else '├─ '}{child.ident}", _about(child, hidden), _after(child)
        yield from _rows(child, indent + ("   " if last else "│  "), hidden)


def _about(node: PlanNode, hidden: Collection[str]) -> str:
    parts: list[str] = []
    if node.repeats is not None:
        parts.append(_times(node))
    if node.job is not None:
        parts += _held(node)
    if node.condition is not None:
        parts.append(f"when {node.condition.text}")
    if node.quarantine is not None:
        parts.append(_quarantine(node.quarantine))
    elif node.allow_failure:
        parts.append("failure allowed")
    parts += [f"{param.name}={_value(param, hidden)}" for param in _own_params(node)]
    return ", ".join(parts)


def _quarantine(quarantine: spec_pb2.Quarantine) -> str:
    until = f" until {quarantine.until}" if quarantine.until else ""
    return f"in quarantine{until} ({quarantine.owner}: {quarantine.reason})"


def _own_params(node: PlanNode) -> Sequence[spec_pb2.Param]:
    """Returns the parameters whose value differs from that of the level above."""
    above = node.parent.settings.params if node.parent is not None else ()
    values = {param.name: param.values for param in above}
    return [param for param in node.settings.params if values.get(param.name) != param.values]


def _value(param: spec_pb2.Param, hidden: Collection[str]) -> str:
    text = _MASK if param.name in hidden else unmarked(",".join(param.values))
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"


def _times(node: PlanNode) -> str:
    if len(node.indices) != node.repeats:
        shown = _ranges(node.indices) if node.matrix is None else _labels(node)
        return f"[{shown}] of {node.repeats:,}"
    times = f"× {node.repeats:,}"
    return times if node.matrix is None else f"{times} ({_axes(node.matrix)})"


def _labels(node: PlanNode) -> str:
    """Returns the names of the selected instances of a matrix."""
    shown = "; ".join(node.label(index) for index in node.indices[:_MAX_LABELS])
    return f"{shown}; …" if len(node.indices) > _MAX_LABELS else shown


def _axes(matrix: Matrix) -> str:
    """Returns the names of a matrix with the first of their values."""
    shown = [
        f"{name}: {' '.join(values[:_MAX_LABELS])}{' …' if len(values) > _MAX_LABELS else ''}"
        for name, values in zip(matrix.names, matrix.axes, strict=True)
    ]
    return ", ".join(shown)


def _ranges(indices: Sequence[int]) -> str:
    """Returns ascending numbers as ranges: `0-2, 5`."""
    ranges: list[list[int]] = []
    for index in indices:
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    shown = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges[:_MAX_RANGES])
    return f"{shown}, …" if len(ranges) > _MAX_RANGES else shown


def _held(node: PlanNode) -> Iterator[str]:
    """Yields the resources of a job; if they depend on a matrix, the least and the most of each."""
    each = list(node.resolved_variants())
    cores = [one.demand.cores for one in each]
    yield "1 core" if max(cores) == 1 == min(cores) else f"{_span(cores, str)} cores"
    memory = [one.demand.memory_bytes for one in each]
    if max(memory):
        yield _span(memory, size_text) + (" at most" if node.enforce_memory else "")
    for name in sorted({name for one in each for name in one.demand.licenses}):
        counts = [one.demand.licenses.get(name, 0) for one in each]
        if max(counts):
            yield f"{_span(counts, str)} {name}"


def _span(amounts: Sequence[int], text: Callable[[int], str]) -> str:
    low, high = min(amounts), max(amounts)
    return text(high) if low == high else f"{text(low)} to {text(high)}"


def _after(node: PlanNode) -> str:
    waits = [f"{_awaited(edge)} {_ended(edge)}" for edge in node.waits]
    return f"after {', '.join(waits)}" if waits else ""


def _ended(edge: Edge) -> str:
    return f"{_ENDED[edge.condition]}{' (not selected)' if edge.unselected else ''}"


def _awaited(edge: Edge) -> str:
    """Returns the path of the awaited node below the common ancestor."""
    steps: list[str] = []
    index = list(edge.index or ())
    for node in upwards(edge.awaited):
        if node is edge.common:
            break
        number = index.pop() if index and node.repeats is not None else -1
        text = step_text(node, number)
        steps.append(f"{node.ident}[{text}]" if text else node.ident)
    return "/".join(reversed(steps))


def mermaid(plan: Plan) -> str:
    """Returns the plan as a Mermaid flowchart, with groups as subgraphs."""
    lines = ["flowchart LR", *_shapes(plan.root, "  ")]
    for edge in plan.edges:
        if edge.unselected:
            continue
        lines.append(f"  n{edge.awaited.order} -->|{_ENDED[edge.condition]}| n{edge.waiting.order}")
    return "\n".join(lines) + "\n"


def _shapes(node: PlanNode, indent: str) -> Iterator[str]:
    text = node.ident if node.repeats is None else f"{node.ident} {_times(node)}"
    label = text.replace("#", "#35;").replace('"', "#quot;")
    if node.job is not None:
        yield f'{indent}n{node.order}["{label}"]'
        return
    yield f'{indent}subgraph n{node.order} ["{label}"]'
    for child in node.children:
        yield from _shapes(child, indent + "  ")
    yield f"{indent}end"


def to_json(plan: Plan, hidden: Collection[str] = ()) -> dict[str, Any]:
    """Returns the plan as values for JSON; paths are without the indices of repeats.

    Values of parameters with the names in `hidden` are masked.
    """
    return {
        "jobs": plan.root.jobs,
        "seed": plan.seed(plan.root.ident),
        "root": _values(plan.root, hidden),
        "warnings": [str(problem) for problem in plan.warnings],
    }


def _values(node: PlanNode, hidden: Collection[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"ident": node.ident, "path": node.template, "kind": _KINDS[node.kind]}
    if node.repeats is not None:
        values["repeats"] = node.repeats
        if len(node.indices) != node.repeats:
            values["indices"] = list(node.indices)
        if node.matrix is not None:
            values["matrix"] = dict(zip(node.matrix.names, map(list, node.matrix.axes), strict=True))
    values |= {"weight": node.weight, "allow_failure": node.allow_failure, "tags": list(node.tags)}
    if node.quarantine is not None:
        held = node.quarantine
        values["quarantine"] = {"owner": held.owner, "reason": held.reason, "until": held.until}
    if node.condition is not None:
        values["when"] = node.condition.text
    if node.varies:
        values["varies_by"] = [name.removeprefix("matrix.") for name in node.varies]
    if node.deadline_millis:
        values["deadline_millis"] = node.deadline_millis
    if node.max_fail:
        values["max_fail"] = node.max_fail
    if node.max_fail_per_cause:
        values["max_fail_per_cause"] = node.max_fail_per_cause
    if node.settings.params:
        values["params"] = {param.name: _json_value(param, hidden) for param in node.settings.params}
    values["waits"] = [_edge_values(edge) for edge in node.waits]
    if node.job is None:
        return values | {"jobs": node.jobs, "children": [_values(child, hidden) for child in node.children]}
    values |= {"shell": node.job.shell} if node.job.shell else {"command": node.job.command}
    return values | {
        "args": list(node.job.args),
        "cores": node.demand.cores,
        "memory_bytes": node.demand.memory_bytes,
        "enforce_memory": node.enforce_memory,
        "licenses": dict(sorted(node.demand.licenses.items())),
    }


def _json_value(param: spec_pb2.Param, hidden: Collection[str]) -> Value:
    return _MASK if param.name in hidden else typed_value(param, map(unmarked, param.values))


def _edge_values(edge: Edge) -> dict[str, Any]:
    values: dict[str, Any] = {"on": edge.condition.name.lower(), "path": edge.awaited.template}
    if edge.index is not None:
        values["index"] = [list(step) if isinstance(step, range) else step for step in edge.index]
    return values | {"selected": not edge.unselected}
