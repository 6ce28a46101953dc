"""The reader of one run's catalogue: its nodes, jobs, attempts and metrics as messages of the schema."""

from gator.store.catalogue import messages
from gator.store.catalogue.attempts import AttemptReader
from gator.store.catalogue.jobs import JobReader
from gator.store.catalogue.metrics import MetricReader
from gator.store.catalogue.node_lists import NodeLists
from gator.v1 import event_pb2, query_pb2


class CatalogueReader(NodeLists, JobReader, AttemptReader, MetricReader):
    """Reads the catalogue of one run."""

    def result(self, path: str) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        node = self.node(path)
        return self.result_of(node) if node is not None else None

    def result_of(self, node: query_pb2.Node) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        if node.state != query_pb2.NODE_STATE_ENDED:
            return None
        return messages.result_of(node, self.metrics([node.path]).get(node.path, []))
