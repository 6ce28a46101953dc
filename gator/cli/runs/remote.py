"""Queries a server about a run: its live root if the stores cannot be read here, or a hub.

Invariant: an error of the server is raised as the same type here.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import grpc

from gator.cli.runs.hub_choice import ANOTHER, ASK_SECONDS, absent
from gator.errors import GatorError, UnauthenticatedError, UnavailableError, UnknownCallError, UsageError
from gator.hub_access.address import REFUSED, mismatch, unknown_token, why_away
from gator.rpc import status
from gator.rpc.channel import bearer, open_blocking_channel
from gator.v1 import control_service_pb2 as cs
from gator.v1 import control_service_pb2_grpc, query_service_pb2_grpc
from gator.v1 import query_service_pb2 as qs

Response = TypeVar("Response")
_AWAY_SECONDS = 60.0
"""Timeout in seconds for a server that disappears while events are watched, as for a restart."""
_RETRY_SECONDS = 1.0
"""Time in seconds between two attempts to reach such a server."""


class _Stream(Protocol):
    """A call with a stream of responses."""

    def __iter__(self) -> Iterator[qs.WatchEventsResponse]: ...

    def cancel(self) -> object: ...


class _OfRun(Protocol):
    """A request that names its run."""

    run: str


class Peer:
    """A connected server.

    For a hub, `address` is its address, `secure` whether TLS is used, and `source` the source of the token.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        token: str,
        *,
        address: str = "",
        secure: bool = False,
        source: str = "",
        seconds: float = ASK_SECONDS,
    ) -> None:
        self.channel = channel
        self.name = f"the hub at {address}" if address else ""
        """The server in error messages; empty for a root."""
        self._address, self._secure, self._seconds = address, secure, seconds
        self._source = source
        self._metadata = bearer(token)

    def call(self, method: Callable[..., Response], request: object) -> Response:
        """Returns the response to a request. Raises the error of the server."""
        try:
            return method(request, metadata=self._metadata, timeout=self._seconds)
        except grpc.RpcError as error:
            raise self.error_of(error) from error

    def open(self, method: Callable[..., Response], request: object) -> Response:
        """Returns a stream of responses without a timeout; each read may raise grpc.RpcError."""
        return method(request, metadata=self._metadata)

    def error_of(self, error: grpc.RpcError) -> Exception:
        """Returns the error for a failed call; a UsageError if its user can start the server."""
        meant = status.error_of_call(error)
        if self._address:
            return self._error_of_hub(meant)
        if isinstance(meant, UnavailableError):
            return UnavailableError("the run does not answer: it may be paused or have just ended")
        return meant

    def _error_of_hub(self, meant: Exception) -> Exception:
        if isinstance(meant, UnavailableError):
            if wrong := mismatch(str(meant), secure=self._secure):
                return UsageError(f"cannot query {self.name}: {wrong}")
            why = why_away(str(meant), secure=self._secure)
            if why == REFUSED:
                return UsageError(absent(self._address))
            return UsageError(f"{self.name} does not answer ({why}): try again, {ANOTHER}")
        if isinstance(meant, UnknownCallError):
            return UsageError(
                f"{self.name} does not support the call ({meant}): "
                f"update it if it is older than this gator, {ANOTHER}"
            )
        if isinstance(meant, UnauthenticatedError):
            return UnauthenticatedError(f"{self.name} {unknown_token(self._source)}")
        return type(meant)(f"{self.name} failed: {meant}") if isinstance(meant, GatorError) else meant


class RemoteRunApi:
    """The queries about one run on a server; `run` is its id, empty for the only run of the server."""

    def __init__(self, peer: Peer, run: str = "") -> None:
        self._peer, self._run = peer, run
        self._stub = query_service_pb2_grpc.QueryServiceStub(peer.channel)

    def get_run(self, request: qs.GetRunRequest) -> qs.GetRunResponse:
        """Returns one run as a whole."""
        return self._call(self._stub.GetRun, request)

    def get_node(self, request: qs.GetNodeRequest) -> qs.GetNodeResponse:
        """Returns one node with all its attempts."""
        return self._call(self._stub.GetNode, request)

    def list_nodes(self, request: qs.ListNodesRequest) -> qs.ListNodesResponse:
        """Returns nodes below a node."""
        return self._call(self._stub.ListNodes, request)

    def list_failures(self, request: qs.ListFailuresRequest) -> qs.ListFailuresResponse:
        """Returns failed and lost jobs by their cause."""
        return self._call(self._stub.ListFailures, request)

    def list_waiting(self, request: qs.ListWaitingRequest) -> qs.ListWaitingResponse:
        """Returns what cannot start yet."""
        return self._call(self._stub.ListWaiting, request)

    def explain_node(self, request: qs.ExplainNodeRequest) -> qs.ExplainNodeResponse:
        """Returns why a node has not started."""
        return self._call(self._stub.ExplainNode, request)

    def list_events(self, request: qs.ListEventsRequest) -> qs.ListEventsResponse:
        """Returns events."""
        return self._call(self._stub.ListEvents, request)

    def list_lines(self, request: qs.ListLinesRequest) -> qs.ListLinesResponse:
        """Returns lines and messages."""
        return self._call(self._stub.ListLines, request)

    def list_metrics(self, request: qs.ListMetricsRequest) -> qs.ListMetricsResponse:
        """Returns metrics."""
        return self._call(self._stub.ListMetrics, request)

    def list_samples(self, request: qs.ListSamplesRequest) -> qs.ListSamplesResponse:
        """Returns samples of the resource usage of an attempt."""
        return self._call(self._stub.ListSamples, request)

    def watch_events(self, request: qs.WatchEventsRequest) -> "Watching":
        """Returns events as they happen."""
        request.run = self._run
        return Watching(self._peer, self._stub.WatchEvents, request)

    def _call(self, method: Callable[..., Response], request: _OfRun) -> Response:
        request.run = self._run
        return self._peer.call(method, request)


class Watching:
    """Events of a run as they happen; waits for a server that is not reachable for a while."""

    def __init__(
        self,
        peer: Peer,
        method: Callable[..., _Stream],
        request: qs.WatchEventsRequest,
    ) -> None:
        self._peer, self._method, self._request = peer, method, request
        self._call: _Stream | None = None
        self._given_up = False

    def responses(self) -> Iterator[qs.WatchEventsResponse]:
        """Yields responses until the run ends or `give_up` is called; a further call continues."""
        last = time.monotonic()
        while not self._given_up:
            call = self._call = self._peer.open(self._method, self._request)
            try:
                for response in call:
                    self._request.resume_token = response.resume_token
                    last = time.monotonic()
                    yield response
                return
            except grpc.RpcError as error:
                if self._given_up:
                    return
                meant = status.error_of_call(error)
                if not isinstance(meant, UnavailableError) or time.monotonic() - last > _AWAY_SECONDS:
                    raise self._peer.error_of(error) from error
            time.sleep(_RETRY_SECONDS)

    def give_up(self) -> None:
        """Ends `responses`; may be called by any thread."""
        self._given_up = True
        if self._call is not None:
            self._call.cancel()


def stop(peer: Peer, request: cs.StopRequest) -> cs.StopResponse:
    """Sends a stop request to a server."""
    return peer.call(control_service_pb2_grpc.ControlServiceStub(peer.channel).Stop, request)


@contextmanager
def root_of(control: tuple[str, str], seconds: float = ASK_SECONDS) -> Generator[Peer]:
    """Yields the live root at an address, with its token."""
    address, token = control
    with open_blocking_channel(address) as channel:
        yield Peer(channel, token, seconds=seconds)


@contextmanager
def remote_api(control: tuple[str, str]) -> Generator[RemoteRunApi]:
    """Yields the queries of the live root at an address, with its token."""
    with root_of(control) as peer:
        yield RemoteRunApi(peer)
