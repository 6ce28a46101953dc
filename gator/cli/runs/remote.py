"""Asks a server about a run: its live root where nobody else can read the stores, or a hub.

Rule: errors arrive as they would have been raised here.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import grpc

from gator.cli.runs.hub_selection import ANOTHER, ASK_SECONDS, absent
from gator.errors import GatorError, UnauthenticatedError, UnavailableError, UnknownCallError, UsageError
from gator.hub_address import REFUSED, mismatch, unknown_token, why_away
from gator.rpc import status
from gator.rpc.channel import bearer, open_blocking_channel
from gator.v1 import control_service_pb2, control_service_pb2_grpc, query_service_pb2_grpc
from gator.v1 import query_service_pb2 as qs

Response = TypeVar("Response")
_AWAY_SECONDS = 60.0
"""How long a server that was there may be away, as for a restart, while somebody watches."""
_AGAIN_SECONDS = 1.0


class _Stream(Protocol):
    """A call that answers again and again."""

    def __iter__(self) -> Iterator[qs.WatchEventsResponse]: ...

    def cancel(self) -> object: ...


class _OfRun(Protocol):
    """A request that names its run."""

    run: str


class Peer:
    """A server that is asked.

    Of a hub, `address` says where it is, `secure` whether TLS is spoken, and `source` where the token is
    from.
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
        """What messages call it."""
        self._address, self._secure, self._seconds = address, secure, seconds
        self._source = source
        self._metadata = bearer(token)

    def call(self, method: Callable[..., Response], request: object) -> Response:
        """One question and its answer. Raises what the server raised."""
        try:
            return method(request, metadata=self._metadata, timeout=self._seconds)
        except grpc.RpcError as error:
            raise self.error_of(error) from error

    def open(self, method: Callable[..., Response], request: object) -> Response:
        """Returns a stream of answers without an end in time; each read may raise grpc.RpcError."""
        return method(request, metadata=self._metadata)

    def error_of(self, error: grpc.RpcError) -> Exception:
        """What a failed call means. A server that its user can start is no fault of Gator."""
        meant = status.error_of_call(error)
        return self._error_of_hub(meant) if self._address else meant

    def _error_of_hub(self, meant: Exception) -> Exception:
        if isinstance(meant, UnavailableError):
            if wrong := mismatch(str(meant), secure=self._secure):
                return UsageError(f"{self.name} cannot be asked: {wrong}")
            why = why_away(str(meant), secure=self._secure)
            if why == REFUSED:
                return UsageError(absent(self._address))
            return UsageError(f"{self.name} does not answer ({why}): try again, {ANOTHER}")
        if isinstance(meant, UnknownCallError):
            return UsageError(
                f"{self.name} does not know the question ({meant}): "
                f"update it if it is older than this gator, {ANOTHER}"
            )
        if isinstance(meant, UnauthenticatedError):
            return UnauthenticatedError(f"{self.name} {unknown_token(self._source)}")
        return type(meant)(f"{self.name} failed: {meant}") if isinstance(meant, GatorError) else meant


class RemoteRunApi:
    """Questions to a server about one run; `run` is its id, empty for the only one of the server."""

    def __init__(self, peer: Peer, run: str = "") -> None:
        self._peer, self._run = peer, run
        self._stub = query_service_pb2_grpc.QueryServiceStub(peer.channel)

    def get_run(self, request: qs.GetRunRequest) -> qs.GetRunResponse:
        """One run as a whole."""
        return self._ask(self._stub.GetRun, request)

    def get_node(self, request: qs.GetNodeRequest) -> qs.GetNodeResponse:
        """One node with all its attempts."""
        return self._ask(self._stub.GetNode, request)

    def list_nodes(self, request: qs.ListNodesRequest) -> qs.ListNodesResponse:
        """Nodes below a node."""
        return self._ask(self._stub.ListNodes, request)

    def list_failures(self, request: qs.ListFailuresRequest) -> qs.ListFailuresResponse:
        """Returns failed and lost jobs by their signature."""
        return self._ask(self._stub.ListFailures, request)

    def list_waiting(self, request: qs.ListWaitingRequest) -> qs.ListWaitingResponse:
        """Returns what cannot start yet."""
        return self._ask(self._stub.ListWaiting, request)

    def explain_node(self, request: qs.ExplainNodeRequest) -> qs.ExplainNodeResponse:
        """Returns why a node has not started."""
        return self._ask(self._stub.ExplainNode, request)

    def list_events(self, request: qs.ListEventsRequest) -> qs.ListEventsResponse:
        """Returns events."""
        return self._ask(self._stub.ListEvents, request)

    def list_lines(self, request: qs.ListLinesRequest) -> qs.ListLinesResponse:
        """Lines and messages."""
        return self._ask(self._stub.ListLines, request)

    def list_metrics(self, request: qs.ListMetricsRequest) -> qs.ListMetricsResponse:
        """Returns metrics."""
        return self._ask(self._stub.ListMetrics, request)

    def list_samples(self, request: qs.ListSamplesRequest) -> qs.ListSamplesResponse:
        """Returns samples of the resource usage of an attempt."""
        return self._ask(self._stub.ListSamples, request)

    def watch_events(self, request: qs.WatchEventsRequest) -> "Watching":
        """Events as they come."""
        request.run = self._run
        return Watching(self._peer, self._stub.WatchEvents, request)

    def _ask(self, method: Callable[..., Response], request: _OfRun) -> Response:
        request.run = self._run
        return self._peer.call(method, request)


class Watching:
    """Events of a run as they come. A server that is away for a while is waited for."""

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
        """What comes, to the end of the run or until somebody gives up; may be asked for again, to go on."""
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
            time.sleep(_AGAIN_SECONDS)

    def give_up(self) -> None:
        """Nobody waits for more. May be called by any thread."""
        self._given_up = True
        if self._call is not None:
            self._call.cancel()


def stop(peer: Peer, request: control_service_pb2.StopRequest) -> control_service_pb2.StopResponse:
    """Gives an order to a server."""
    return peer.call(control_service_pb2_grpc.ControlServiceStub(peer.channel).Stop, request)


@contextmanager
def root_of(control: tuple[str, str], seconds: float = ASK_SECONDS) -> Generator[Peer]:
    """Yields the live root at an address, with its token."""
    address, token = control
    with open_blocking_channel(address) as channel:
        yield Peer(channel, token, seconds=seconds)


@contextmanager
def remote_questions(control: tuple[str, str]) -> Generator[RemoteRunApi]:
    """Questions to the root at an address, with its token."""
    with root_of(control) as peer:
        yield RemoteRunApi(peer)
