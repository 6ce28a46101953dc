"""The reader of one run's catalogue: its nodes, jobs, attempts and metrics as messages of the schema."""

from collections.abc import Sequence

from gator.core.causes.failed_tests import causes_in
from gator.core.history.cause_rules import CauseRules
from gator.core.history.failure_groups import FailedJob
from gator.store.catalogue import messages
from gator.store.catalogue.attempts import AttemptReader
from gator.store.catalogue.jobs import JobReader
from gator.store.catalogue.metrics import MetricReader
from gator.store.catalogue.node_lists import NodeLists
from gator.v1 import event_pb2, query_pb2


class CatalogueReader(NodeLists, JobReader, AttemptReader, MetricReader):
    """Reads the catalogue of one run."""

    def failed(self, path: str, rules: CauseRules | None = None) -> list[FailedJob]:
        """Returns the failed and lost jobs at and below a node; `rules` are used in place of the run's."""
        failed = super().failed(path)
        rules = self.rules() if rules is None else rules
        return self._named(failed, rules) if rules else failed

    def _named(self, failed: Sequence[FailedJob], rules: CauseRules) -> list[FailedJob]:
        """Returns failed jobs with the causes that rules name."""
        paths = list(dict.fromkeys(job.path for job in failed))
        causes = {
            (node.path, one.signature): rule.name
            for node in self.by_paths(paths)
            for one in causes_in(node)
            if (rule := rules.rule_of_node(one)) is not None
        }
        return [job._replace(cause=causes.get((job.path, job.signature), "")) for job in failed]

    def result(self, path: str) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        node = self.node(path)
        return self.result_of(node) if node is not None else None

    def result_of(self, node: query_pb2.Node) -> event_pb2.Result | None:
        """Returns the Result of a node; None if it has not ended."""
        if node.state != query_pb2.NODE_STATE_ENDED:
            return None
        return messages.result_of(node, self.metrics([node.path]).get(node.path, []))
