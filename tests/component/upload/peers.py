"""What may listen where a run looks for its hub: hubs of other versions, and everything else."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

# isort: split
import grpc
from grpc import aio

from gator.event_kinds import BULK_KINDS, STATE_KINDS
from gator.link.server import NAME
from gator.v1 import attach_pb2

NEW_FIELD = b"\xba\x3e\x03new"
"""Field 999 of any message, which no version knows."""
NEW_KIND: Any = 42

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def newer(message: Any) -> Any:
    """The message with a field that is not known."""
    message.MergeFromString(NEW_FIELD)
    return message


class NewerHub:
    """Speaks in bytes: all it says has fields that are not known, and some is not known at all."""

    def __init__(self, promised: int = 3) -> None:
        self.promised = promised
        self.hellos: list[attach_pb2.Hello] = []
        self.seqs: dict[int, list[int]] = {}
        """Sequence numbers of the events of each subscription."""

    async def attach(self, requests: AsyncIterator[bytes], context: Any) -> None:
        async def send(response: attach_pb2.AttachResponse) -> None:
            await context.write(newer(response).SerializeToString())

        self.hellos.append(attach_pb2.AttachRequest.FromString(await context.read()).hello)
        await send(
            attach_pb2.AttachResponse(
                welcome=newer(attach_pb2.Welcome(version="99.1", subscriptions=self.promised))
            )
        )
        # A message that is not known at all.
        await context.write(NEW_FIELD)
        for number, kinds in enumerate(([*STATE_KINDS, NEW_KIND], BULK_KINDS, [NEW_KIND]), 1):
            wanted = newer(attach_pb2.EventFilter(kinds=kinds))
            subscribe = newer(attach_pb2.Subscribe(subscription=number, consumer="hub", filter=wanted))
            await send(attach_pb2.AttachResponse(subscribe=subscribe))
        while (data := await context.read()) is not aio.EOF:
            request = attach_pb2.AttachRequest.FromString(data)
            if request.WhichOneof("message") != "batch":
                continue
            batch = request.batch
            self.seqs.setdefault(batch.subscription, []).extend(event.seq for event in batch.events)
            position = newer(attach_pb2.StorePosition(store=batch.store, seq=batch.through))
            await send(
                attach_pb2.AttachResponse(
                    ack=newer(attach_pb2.Ack(subscription=batch.subscription, position=position))
                )
            )


@asynccontextmanager
async def serving_grpc(
    hub: NewerHub | None = None, tls: tuple[bytes, bytes] | None = None
) -> AsyncGenerator[str]:
    """A gRPC server with a hub of a newer version, or with nothing that a root knows; its address."""
    server = aio.server()
    if hub is not None:
        method = cast("Any", grpc).stream_stream_rpc_method_handler(hub.attach)
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(NAME, {"Attach": method})])
    if tls is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([tls]))
    await server.start()
    try:
        yield f"localhost:{port}" if tls else f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def listening(speak: Speak, tls: ssl.SSLContext | None = None) -> AsyncGenerator[str]:
    """A server of something else; its address."""
    talking: list[tuple[asyncio.StreamWriter, asyncio.Future[None]]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        talking.append((writer, ended))
        # The dialling side may leave at any time.
        with contextlib.suppress(OSError):
            await speak(reader, writer)
        writer.close()
        ended.set_result(None)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer, ended in talking:
            writer.transport.abort()
            await ended


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A web server of the old sort."""
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()


async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks first."""
    writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    await reader.read()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts everything and sends no answer."""
    while await reader.read(65536):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends at once."""


def certificate(folder: Path, host: str = "localhost") -> tuple[bytes, bytes, Path]:
    """Key and certificate of a host in PEM, and the file with the latter, which is what its clients trust."""
    key, cert = folder / f"{host}.key", folder / f"{host}.pem"
    subject = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "30", "-keyout", str(key), "-out", str(cert), *subject]
    subprocess.run(command, check=True, capture_output=True)
    return key.read_bytes(), cert.read_bytes(), cert
