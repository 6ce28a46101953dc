"""Turns a `Spec` into a `Plan`: inheritance, dependencies without cycles, selection, seeds.

Invariant: pure; the same request gives the same plan in every daemon.
"""

from gator.node_paths import array_index
from gator.plan.baselines import relative_contracts
from gator.plan.inherit import merge_settings
from gator.plan.instances.inputs import add_inputs, has_inputs
from gator.plan.instances.jobs import shown_job
from gator.plan.instances.seeds import derive as derive_seed
from gator.plan.instances.sort_keys import key_below, sort_key
from gator.plan.nodes import Condition, Edge, Index, PlanNode, step_text
from gator.plan.plan import (
    Plan,
    known_text,
    make_plan,
    recorded_job,
    recorded_matrix,
    recorded_plan,
    unknown_references,
    written_nodes,
)
from gator.plan.tree import problem_at

__all__ = [
    "Condition",
    "Edge",
    "Index",
    "Plan",
    "PlanNode",
    "add_inputs",
    "array_index",
    "derive_seed",
    "has_inputs",
    "key_below",
    "known_text",
    "make_plan",
    "merge_settings",
    "problem_at",
    "recorded_job",
    "recorded_matrix",
    "recorded_plan",
    "relative_contracts",
    "shown_job",
    "sort_key",
    "step_text",
    "unknown_references",
    "written_nodes",
]
