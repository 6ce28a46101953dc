"""Counts the unfinished jobs of a node, for the answer to a stop. Imports the plan only if needed."""

from gator.errors import NotFoundError
from gator.query.queries import Queries
from gator.v1 import query_service_pb2 as qs


def jobs_left(queries: Queries, path: str) -> int:
    """Returns the number of jobs of a node that have not ended. Raises NotFoundError for an unknown node."""
    try:
        tally = queries.get_node(qs.GetNodeRequest(path=path)).node.tally
    except NotFoundError:
        # Jobs that have not started are only in the plan.
        from gator.query.pending.waiting import planned_jobs

        return planned_jobs(queries.reader, path)
    return tally.waiting + tally.running
