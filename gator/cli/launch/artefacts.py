"""Finds the artefacts that a rerun gets from the run that it repeats."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from gator.cli.history.folders import FolderHistory
from gator.cli.launch.notices import Notice
from gator.daemon.artefacts.adopt import adopt
from gator.errors import GatorError, UserError
from gator.node_paths import template_of
from gator.plan import Plan, PlanNode


def adopt_artefacts(plan: Plan, folder: Path, repeat: str, tracking: Path) -> list[Notice]:
    """Copies to a rerun the artefacts of jobs that it does not repeat, from run `repeat` and its reruns.

    Returns warnings about runs that cannot be read. A job that lacks an artefact fails and says so.
    """
    templates = {each.edge.awaited.template for node in plan.nodes.values() for each in node.inputs}
    if not templates:
        return []
    notices: list[Notice] = []
    history = FolderHistory(tracking, warn=lambda text: notices.append(Notice(text)))
    try:
        original = history.run(repeat)
        if original is None:
            return []
        earlier = [*reversed(history.reruns(original)), original]
        adopt(
            folder,
            [Path(run.folder) for run in earlier],
            templates,
            lambda path: _is_selected(plan.nodes, path),
        )
    except (GatorError, UserError, OSError, msgspec.MsgspecError) as error:
        notices.append(Notice(f"the artefacts of run {repeat[:8]} cannot be used: {error}"))
    return notices


def _is_selected(nodes: Mapping[str, PlanNode], path: str) -> bool:
    """Returns whether a run with these nodes has the instance with this path."""
    steps = path.split("/")
    for depth in range(1, len(steps) + 1):
        part = "/".join(steps[:depth])
        node = nodes.get(template_of(part))
        if node is None:
            return False
        if node.repeats is not None and node.index_in(part) not in node.indices:
            return False
    return True
