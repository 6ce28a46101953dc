"""Makes the messages of the schema from rows of the catalogue.

Invariant: what is not known stays unset.
"""

from collections.abc import Iterable, Mapping

from google.protobuf.message import Message

from gator.store.catalogue.columns import ATTEMPTS, METRICS, NODES
from gator.store.catalogue.fields import RowMessages, Values
from gator.v1 import common_pb2, event_pb2, query_pb2

_NODES = RowMessages(NODES, query_pb2.Node)
_ATTEMPTS = RowMessages(ATTEMPTS, query_pb2.Attempt)
_METRICS = RowMessages(METRICS, event_pb2.MetricTotal)

NODE_NAMES = (*_NODES.columns, "sort", "jobs")
"""The columns that `node_of` needs, and those by which nodes are placed and counted."""
ATTEMPT_NAMES = _ATTEMPTS.columns
METRIC_NAMES = _METRICS.columns

_RESULT_FIELDS: Mapping[str, str] = {
    # These have no source, because events of other kinds set them too.
    "attempts": "attempts",
    "allow_failure": "allow_failure",
    **{
        column.source.split(".")[1].removesuffix("?"): column.target.split(".")[0]
        for column in NODES.columns
        if column.source.startswith("result.") and column.target
    },
}
"""Fields of a Result with the field of Node that has the same value."""
_TALLY_FIELDS = {
    0: "running",
    common_pb2.OUTCOME_PASSED: "passed",
    common_pb2.OUTCOME_FAILED: "failed",
    common_pb2.OUTCOME_PRUNED: "pruned",
    common_pb2.OUTCOME_CANCELLED: "cancelled",
    common_pb2.OUTCOME_LOST: "lost",
}


def columns_sql(names: Iterable[str], table: str) -> str:
    """Returns columns for a SELECT, with the name of their table."""
    return ", ".join(f"{table}.{name}" for name in names)


def node_of(row: Values) -> query_pb2.Node:
    """Returns the node of a row that begins with NODE_NAMES, without the tally of one that has not ended."""
    node = _NODES.message(row)
    if node.kind == common_pb2.NODE_KIND_JOB:
        node.demand.SetInParent()
    return node


attempt_of = _ATTEMPTS.message
"""Returns the attempt of a row with ATTEMPT_NAMES. Its command line is only in its event."""
metric_of = _METRICS.message
"""Returns the metric of a row with METRIC_NAMES."""


def result_of(node: query_pb2.Node, metrics: Iterable[event_pb2.MetricTotal]) -> event_pb2.Result:
    """Returns the Result of a node that has ended."""
    result = event_pb2.Result(metrics=metrics)
    fields = {field.name: value for field, value in node.ListFields()}
    for name, of_node in _RESULT_FIELDS.items():
        value = fields.get(of_node)
        if isinstance(value, Message):
            getattr(result, name).CopyFrom(value)
        elif value is not None:
            setattr(result, name, value)
    return result


def tally_field(outcome: int) -> str:
    """Returns the field of a Tally in which a job with this outcome counts; 0 stands for running."""
    return _TALLY_FIELDS.get(outcome, "running")


def tally_of_job(node: query_pb2.Node) -> event_pb2.Tally:
    """Returns a job as a tally of one."""
    return event_pb2.Tally(**{tally_field(node.outcome): 1})


def add_to_tally(tally: event_pb2.Tally, outcome: int, jobs: int) -> None:
    """Moves jobs from waiting to an outcome; 0 stands for running."""
    name = tally_field(outcome)
    setattr(tally, name, getattr(tally, name) + jobs)
    tally.waiting -= min(jobs, tally.waiting)
