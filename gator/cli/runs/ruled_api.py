"""The queries about a run, with causes that rules of the present name as well.

Invariant: the rules of the run come first; a name that it has rules for is its own.
"""

from collections.abc import Sequence
from typing import TypeVar

from gator.cli.runs.api import RunApi
from gator.v1 import query_service_pb2 as qs
from gator.v1 import spec_pb2

_Request = TypeVar("_Request", qs.GetNodeRequest, qs.ListNodesRequest, qs.ListFailuresRequest)


class RuledApi:
    """Queries that send rules with each request whose answer has causes."""

    def __init__(self, api: RunApi, rules: Sequence[spec_pb2.CauseRule]) -> None:
        self._api, self._rules = api, rules
        self.get_run = api.get_run
        self.list_waiting = api.list_waiting
        self.explain_node = api.explain_node
        self.list_events = api.list_events
        self.list_lines = api.list_lines
        self.list_metrics = api.list_metrics
        self.list_samples = api.list_samples

    def get_node(self, request: qs.GetNodeRequest) -> qs.GetNodeResponse:
        """Returns one node with all its attempts."""
        return self._api.get_node(_with(request, self._rules))

    def list_nodes(self, request: qs.ListNodesRequest) -> qs.ListNodesResponse:
        """Returns nodes below a node."""
        return self._api.list_nodes(_with(request, self._rules))

    def list_failures(self, request: qs.ListFailuresRequest) -> qs.ListFailuresResponse:
        """Returns failed and lost jobs by their cause."""
        return self._api.list_failures(_with(request, self._rules))


def _with(request: _Request, rules: Sequence[spec_pb2.CauseRule]) -> _Request:
    """Returns a copy of a request with rules."""
    copy = type(request)()
    copy.CopyFrom(request)
    copy.more_rules.extend(rules)
    return copy


def ruled(api: RunApi, rules: Sequence[spec_pb2.CauseRule]) -> RunApi:
    """Returns the queries with these rules; without rules, the queries themselves."""
    return RuledApi(api, rules) if rules else api
