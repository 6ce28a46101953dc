"""Makes the declaration of a node.

Invariant: it follows from the plan alone, whichever daemon the node lives in.
"""

from gator.plan import PlanNode, sort_key
from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2


def declared_of(node: PlanNode, path: str, seed: int) -> event_pb2.Declared:
    """Returns the declaration of the node instance with this path and seed."""
    declared = event_pb2.Declared(
        kind=node.kind,
        children=sum(child.instances for child in node.children),
        jobs=node.jobs,
        seed=seed,
        allow_failure=node.allow_failure,
        tags=node.tags,
        priority=node.weight,
        sort_key=sort_key(node, path),
    )
    if node.kind == pb.NODE_KIND_JOB:
        declared.demand.CopyFrom(node.demand)
    return declared
