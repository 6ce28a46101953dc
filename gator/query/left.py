"""How much of a run is left to do, for whoever stops it. Imports the plan only where it is needed."""

from gator.errors import NotFoundError
from gator.query.queries import Queries
from gator.v1 import query_service_pb2 as qs


def jobs_left(queries: Queries, path: str) -> int:
    """Number of jobs of a node that have not ended. Raises NotFoundError when there is no such node."""
    try:
        tally = queries.get_node(qs.GetNodeRequest(path=path)).node.tally
    except NotFoundError:
        # What has not begun stands in the plan alone.
        from gator.query.waiting import planned_jobs

        return planned_jobs(queries.reader, path)
    return tally.waiting + tally.running
