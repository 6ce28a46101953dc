"""Asks the live root of a run over its socket, where nobody else can read its stores (network file systems).

Rule: errors arrive as they would have been raised here.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import grpc

from gator import rpc, rpc_status
from gator.v1 import query_service_pb2 as qs
from gator.v1 import query_service_pb2_grpc

Response = TypeVar("Response")
_TIMEOUT_SECONDS = 60


class RemoteQuestions:
    """Questions to the root of a run."""

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self._stub = query_service_pb2_grpc.QueryServiceStub(channel)
        self._metadata = rpc.bearer(token)

    def get_run(self, request: qs.GetRunRequest) -> qs.GetRunResponse:
        """One run as a whole."""
        return self._call(self._stub.GetRun, request)

    def get_node(self, request: qs.GetNodeRequest) -> qs.GetNodeResponse:
        """One node with all its attempts."""
        return self._call(self._stub.GetNode, request)

    def list_nodes(self, request: qs.ListNodesRequest) -> qs.ListNodesResponse:
        """Nodes below a node."""
        return self._call(self._stub.ListNodes, request)

    def list_waiting(self, request: qs.ListWaitingRequest) -> qs.ListWaitingResponse:
        """What cannot start yet."""
        return self._call(self._stub.ListWaiting, request)

    def list_events(self, request: qs.ListEventsRequest) -> qs.ListEventsResponse:
        """Events."""
        return self._call(self._stub.ListEvents, request)

    def list_lines(self, request: qs.ListLinesRequest) -> qs.ListLinesResponse:
        """Lines and messages."""
        return self._call(self._stub.ListLines, request)

    def list_metrics(self, request: qs.ListMetricsRequest) -> qs.ListMetricsResponse:
        """Metrics."""
        return self._call(self._stub.ListMetrics, request)

    def list_samples(self, request: qs.ListSamplesRequest) -> qs.ListSamplesResponse:
        """What an attempt used."""
        return self._call(self._stub.ListSamples, request)

    def _call(self, method: Callable[..., Response], request: object) -> Response:
        try:
            return method(request, metadata=self._metadata, timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            raise rpc_status.error_of_call(error) from error


@contextmanager
def remote_questions(control: tuple[str, str]) -> Generator[RemoteQuestions]:
    """Questions to the root at an address, with its token."""
    address, token = control
    with rpc.blocking_channel(address) as channel:
        yield RemoteQuestions(channel, token)
