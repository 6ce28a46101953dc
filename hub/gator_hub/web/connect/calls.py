"""Calls of the Connect protocol over HTTP, from the headers of a request to the end of its response."""

import asyncio
import re
from collections.abc import Iterable
from typing import Any, Final

import grpc
from msgspec import Struct

from gator.rpc.auth import Gate
from gator.rpc.server import Service
from gator_hub.log import log
from gator_hub.web import compression
from gator_hub.web.asgi import Headers, Receive, Scope, Send, headers_of, respond
from gator_hub.web.connect.codecs import CODECS, Codec
from gator_hub.web.connect.context import CallContext
from gator_hub.web.connect.exchange import Body, Response, StreamResponse, UnaryResponse
from gator_hub.web.connect.methods import Method, methods_of
from gator_hub.web.connect.statuses import CallError, Status

_TIMEOUT: Final = re.compile(r"[0-9]{1,10}")
_CANCEL_SECONDS: Final = 0.01
_STOPPING: Final = Status("unavailable", "the hub is stopping: retry later")


class _CallDetails(Struct, frozen=True):
    """The details of a call that a gate reads before its handler, as grpc.HandlerCallDetails."""

    method: str
    invocation_metadata: tuple[tuple[str, str], ...]


class Connect:
    """An ASGI app for the methods of services. Each call passes the gate of the server of gRPC."""

    def __init__(self, services: Iterable[Service], gate: Gate, max_request_bytes: int) -> None:
        self._methods = methods_of(services)
        self._gate, self._max = gate, max_request_bytes
        self._stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        method = self._methods.get(scope["path"])
        headers = headers_of(scope)
        if method is None:
            status = Status("unimplemented", f"unknown method {scope['path'][1:200]}")
            await respond(send, 404, {"content-type": "application/json"}, status.as_bytes())
            return
        if scope["method"] != "POST":
            await respond(send, 405, {"allow": "POST"})
            return
        codec = _codec_of(headers.get("content-type", ""), is_stream=method.is_stream)
        if codec is None:
            prefix = "application/connect+" if method.is_stream else "application/"
            accepted = ", ".join(f"{prefix}{name}" for name in CODECS)
            await respond(send, 415, {"accept-post": accepted})
            return
        encoding = f"{'connect-' if method.is_stream else ''}content-encoding"
        is_gzip = headers.get(encoding, compression.IDENTITY) == compression.GZIP
        body = Body(receive, self._max, is_gzip=is_gzip, is_stream=method.is_stream)
        accept = f"{'connect-' if method.is_stream else ''}accept-encoding"
        gzip = compression.accepts_gzip(headers.get(accept, ""))
        kind = StreamResponse if method.is_stream else UnaryResponse
        response = kind(send, codec, gzip=gzip)
        refusal = _refusal(headers, encoding)
        if refusal is not None:
            await response.finish(refusal)
            return
        context = CallContext(body, response, headers, scope.get("client"))
        await self._call(method, codec, context, body, response)

    def close(self) -> None:
        """Ends all calls: their clients are told that the hub stops."""
        if not self._stopping.done():
            self._stopping.set_result(None)

    async def _call(
        self, method: Method, codec: Codec, context: CallContext, body: Body, response: Response
    ) -> None:
        """Runs a call until its end, its deadline, the stop of the hub, or until its client disconnects."""
        timeout = _timeout(context)
        call = asyncio.create_task(self._handle(method, codec, context))
        gone = asyncio.create_task(body.wait_for_disconnect())
        try:
            ends = {call, gone, self._stopping}
            done, _ = await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            await _cancel(call)
        if call in done:
            await response.finish(_status_of(call, method))
        elif self._stopping in done:
            await response.finish(_STOPPING)
        elif gone not in done:
            await response.finish(Status("deadline_exceeded", f"the call took longer than {timeout:g} s"))

    async def _handle(self, method: Method, codec: Codec, context: CallContext) -> None:
        handler = _with_codec(method, codec)

        async def find(_: Any) -> Any:
            return handler

        details: Any = _CallDetails(method.path, context.invocation_metadata())
        guarded = await self._gate.intercept_service(find, details)
        await guarded.stream_stream(None, context)


async def _cancel(call: asyncio.Task[None]) -> None:
    """Ends a call. A single cancellation can be lost: see `asyncio.wait_for` of Python 3.11."""
    while not call.done():
        call.cancel()
        await asyncio.wait({call}, timeout=_CANCEL_SECONDS)


def _status_of(call: asyncio.Task[None], method: Method) -> Status | None:
    """Returns the status of a call that has ended; None if it succeeded."""
    error = call.exception()
    if isinstance(error, CallError):
        return error.status
    if error is None:
        return None
    # A servicer has a fault; the other calls continue.
    log.error("%s failed", method.path, exc_info=error)
    return Status("internal", "the hub has a fault: its log tells more")


def _with_codec(method: Method, codec: Codec) -> Any:
    """Returns the handler of a method that decodes requests. The context encodes the responses."""
    handler = method.handler
    grpc_module: Any = grpc

    def decode(data: bytes) -> Any:
        return codec.decode(data, method.request)

    if method.is_stream:
        return grpc_module.unary_stream_rpc_method_handler(handler.unary_stream, decode)
    return grpc_module.unary_unary_rpc_method_handler(handler.unary_unary, decode)


def _codec_of(content_type: str, *, is_stream: bool) -> Codec | None:
    name = content_type.partition(";")[0].strip().lower().removeprefix("application/")
    if is_stream:
        return CODECS.get(name.removeprefix("connect+")) if name.startswith("connect+") else None
    return CODECS.get(name)


def _refusal(headers: Headers, encoding: str) -> Status | None:
    """Returns the status of a request whose headers do not conform to the protocol; else None."""
    version = headers.get("connect-protocol-version", "1")
    if version != "1":
        return Status("invalid_argument", f"connect-protocol-version {version[:20]}: send 1")
    compressed = headers.get(encoding, compression.IDENTITY)
    if compressed not in compression.NAMES:
        known = ", ".join(compression.NAMES)
        return Status("unimplemented", f"unknown compression {compressed[:20]}: the hub supports {known}")
    timeout = headers.get("connect-timeout-ms")
    if timeout is not None and not _TIMEOUT.fullmatch(timeout):
        return Status("invalid_argument", f"connect-timeout-ms {timeout[:20]}: send a number of milliseconds")
    if timeout is not None and not int(timeout):
        return Status("deadline_exceeded", "the deadline of the call had passed at its start")
    return None


def _timeout(context: CallContext) -> float | None:
    """Returns the timeout of a call in seconds; None if it has none."""
    text = context.headers.get("connect-timeout-ms")
    return int(text) / 1000 if text is not None else None
