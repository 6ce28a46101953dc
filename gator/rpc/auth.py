"""Checks calls before they reach a servicer: their token, their number, and errors as statuses.

Invariant: nothing of a call is read before its token is checked.
"""

from gator.rpc.quiet import grpc  # before anything else imports it

# isort: split
import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import AsyncExitStack, contextmanager
from typing import Any, NoReturn, Protocol

from google.protobuf.message import DecodeError
from grpc import aio
from msgspec import Struct

from gator import errors
from gator.rpc import status as rpc_status
from gator.rpc.limits import ConnectionQuota, FairSemaphore

_REFUSALS = (errors.UnauthenticatedError, errors.PermissionDeniedError)
_EXEMPT = ("/grpc.health.v1.Health/", "/grpc.reflection.v1alpha.ServerReflection/")


class Authenticate(Protocol):
    """Decides whether a token is good for a method such as `/gator.v1.QueryService/ListNodes`."""

    def __call__(self, method: str, token: str, /) -> None:
        """Raises UnauthenticatedError if it is not. `token` is empty when none was sent."""
        ...


class Refused(Protocol):
    """Is told of each call that was refused for its token, or because something belongs to someone else."""

    def __call__(self, method: str, peer: str, error: Exception, token: str, /) -> None:
        """Gets the peer as grpc writes it, such as `ipv4:127.0.0.1:40000`, and the token or an empty one."""
        ...


class ServerLimits(Struct, frozen=True):
    """The limits of a server for many clients, so that its memory has a bound."""

    message_bytes: int
    """Maximum size of a received message in bytes."""
    calls: int
    """Maximum number of requests in progress at once; others wait for their turn."""
    calls_per_token: int
    """Maximum number of requests of one token in progress, so that one client cannot take all turns."""
    request_timeout_seconds: float
    """Timeout for a request in seconds; a client that reads an answer for longer than this loses its turn."""
    max_unread_bytes: int
    """Maximum unread bytes of answers to clients with one token; beyond it they may ask nothing more."""
    waiting_per_token: int = 256
    """Maximum number of calls of one token that wait for their turn; others must be repeated."""
    watches: int = 256
    """Maximum number of calls with a stream of answers at once."""
    watches_per_token: int = 192
    """Maximum number of such calls of one token."""


class Gate(aio.ServerInterceptor):
    """Requires a token before a call reaches its servicer, and converts our errors to statuses."""

    def __init__(
        self, authenticate: Authenticate, refused: Refused | None, server_limits: ServerLimits | None
    ) -> None:
        self._authenticate, self._refused = authenticate, refused
        self._clients = _Clients(server_limits) if server_limits else None
        # Calls without a token take no turn from calls with one.
        self._strangers = _Clients(server_limits) if server_limits else None

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Returns the handler of a call, behind the gate."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            return None
        if method.startswith(_EXEMPT):
            return handler if self._strangers is None else self._guarded(method, handler, self._strangers)
        token = token_of(handler_call_details.invocation_metadata)
        try:
            self._authenticate(method, token)
        except errors.UnauthenticatedError as error:
            return self._refusal(method, error)
        if handler.request_streaming:
            # How a stream is read and written is the affair of its servicer.
            return self._guarded(method, handler, None)
        return self._guarded(method, handler, self._clients, token)

    def _refusal(self, method: str, error: Exception) -> Any:
        """Returns a handler that refuses; as one of a stream of requests it gets none of them."""

        async def refuse(_: Any, context: Any) -> None:
            await self._end(method, context, error)

        return _as_streams(refuse)

    async def _end(self, method: str, context: Any, error: Exception) -> None:
        if self._refused is not None and isinstance(error, _REFUSALS):
            self._refused(method, context.peer(), error, token_of(context.invocation_metadata()))
        await abort(context, error)

    def _guarded(self, method: str, handler: Any, clients: "_Clients | None", name: str = "") -> Any:
        """Returns the same handler; errors of ours end the call with their status."""
        call = _Call(handler, clients, name or method)

        async def serve(requests: Any, context: Any) -> None:
            try:
                await call.serve(requests, context)
            except (errors.GatorError, errors.UserError) as error:
                await self._end(method, context, error)

        # A single request or answer is bytes for grpc, since it is made from them here.
        return _as_streams(
            serve,
            handler.request_deserializer if handler.request_streaming else None,
            handler.response_serializer if handler.response_streaming else None,
        )


def _as_streams(serve: Any, deserialize: Any = None, serialize: Any = None) -> Any:
    """Makes each call a stream in both directions for grpc, so that reads and writes are explicit."""
    make: Any = grpc.stream_stream_rpc_method_handler
    return make(serve, deserialize, serialize)


class _Clients:
    """Those who call, by their names: what they have in hand."""

    def __init__(self, server_limits: ServerLimits) -> None:
        self.server_limits = server_limits
        self.turns = FairSemaphore(
            server_limits.calls, server_limits.calls_per_token, server_limits.waiting_per_token
        )
        self.watches = ConnectionQuota(server_limits.watches, server_limits.watches_per_token)
        self._stalled: Counter[str] = Counter()

    def check(self, name: str) -> None:
        """Raises UnavailableError for one who may ask nothing more for now."""
        if self._stalled[name] >= self.server_limits.max_unread_bytes:
            raise errors.UnavailableError(
                "clients with this token do not read their responses: end them first"
            )

    @contextmanager
    def stalled(self, name: str, size_bytes: int) -> Generator[None]:
        """Counts an answer as unread meanwhile."""
        self._stalled[name] += size_bytes
        try:
            yield
        finally:
            self._stalled[name] -= size_bytes
            if not self._stalled[name]:
                del self._stalled[name]


class _Call:
    """One call of one client: what its handler needs is read, and what it answers is written."""

    __slots__ = ("_clients", "_handler", "_name")

    def __init__(self, handler: Any, clients: _Clients | None, name: str) -> None:
        """Gets the limits of all clients; without `clients` there are none."""
        self._handler, self._clients, self._name = handler, clients, name

    async def serve(self, requests: Any, context: Any) -> None:
        """Handles the call from its beginning to its end. Raises ProtocolError, UnavailableError."""
        handler = self._handler
        async with AsyncExitStack() as watch_slot, AsyncExitStack() as turn:
            if self._clients is not None:
                self._clients.check(self._name)
                if handler.response_streaming:
                    watch_slot.enter_context(self._clients.watches.of(self._name))
                await turn.enter_async_context(self._clients.turns.of(self._name))
            if handler.request_streaming and handler.response_streaming:
                await self._stream(context, handler.stream_stream(requests, context))
                return
            if handler.request_streaming:
                answer = handler.stream_unary(requests, context)
            else:
                request = await self._request(context)
                if handler.response_streaming:
                    # It may last for days, and has its turn for the request alone.
                    await turn.aclose()
                    await self._stream(context, handler.unary_stream(request, context))
                    return
                answer = handler.unary_unary(request, context)
            await self._send(context, self._packed(await answer), turn)

    async def _request(self, context: Any) -> Any:
        """Returns the one request. Raises ProtocolError if it is missing or not a message."""
        seconds = self._clients.server_limits.request_timeout_seconds if self._clients is not None else None
        try:
            data = await asyncio.wait_for(context.read(), seconds)
        except TimeoutError as error:
            raise errors.UnavailableError("no request arrived: send it when the call begins") from error
        if data is aio.EOF:
            raise errors.ProtocolError("the call has no request: send one")
        if self._handler.request_deserializer is None:
            return data
        try:
            return self._handler.request_deserializer(data)
        except DecodeError as error:
            raise errors.ProtocolError("the request is not a message of this service") from error

    async def _stream(self, context: Any, answers: Any) -> None:
        if not hasattr(answers, "__aiter__"):
            # The handler writes by itself.
            await answers
            return
        async for answer in answers:
            await self._send(context, answer)

    def _packed(self, answer: Any) -> Any:
        """Returns the message as bytes, so that it can be freed while they are sent."""
        serialize = self._handler.response_serializer
        return serialize(answer) if serialize is not None else answer

    async def _send(self, context: Any, answer: Any, turn: AsyncExitStack | None = None) -> None:
        """Writes an answer. A server cannot cut off who takes none, but his turn goes to others."""
        clients = self._clients
        if clients is None:
            await context.write(answer)
            return
        writing = asyncio.ensure_future(context.write(answer))
        try:
            await asyncio.wait({writing}, timeout=clients.server_limits.request_timeout_seconds)
            if not writing.done():
                if turn is not None:
                    await turn.aclose()
                size = len(answer) if isinstance(answer, bytes) else answer.ByteSize()
                with clients.stalled(self._name, size):
                    await asyncio.wait({writing})
            await writing
        finally:
            writing.cancel()


def token_of(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """Returns the token in a call's metadata; empty if there is none."""
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str) and value[:7].lower() == "bearer ":
            return value[7:].strip()
    return ""


async def abort(context: "aio.ServicerContext[Any, Any]", error: Exception) -> NoReturn:
    """Ends a call with the status of one of our errors."""
    status = rpc_status.status_of(error)
    await context.abort(status.code, status.message, status.trailing_metadata())
    raise AssertionError("abort never returns")
