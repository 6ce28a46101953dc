"""One Attach stream of a job's own process, over a plain socket.

gRPC is avoided on purpose. Its core runs threads: a fork does not copy them, and interpreter shutdown freezes
them while they may hold locks needed by destructors. h2 speaks the same HTTP/2 without threads and loads in a
fifth of the time.

Invariant: a connection is used by one thread at a time, and only `step` waits.
"""

import errno
import os
import select
import socket
import time
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from gator.client.backlog import Backlog
from gator.v1 import attach_pb2

METHOD: Final = "/gator.v1.ParentService/Attach"
_UNIX: Final = "unix:"
_READ_BYTES: Final = 65_536
_MAX_UNSENT_BYTES: Final = 65_536
"""Maximum number of bytes buffered for a socket that is not writable."""
_DATA_BYTES: Final = 16_384
"""Maximum size of a batch of records; batching pays because an HTTP/2 frame costs more than a record."""
_FINAL: Final = {3: "INVALID_ARGUMENT", 9: "FAILED_PRECONDITION", 16: "UNAUTHENTICATED"}
"""Statuses after which reconnecting is useless."""


class LostError(Exception):
    """The stream has ended; a new one may succeed."""


class RefusedError(Exception):
    """The parent refuses these messages permanently."""


class Connection:
    """A stream, starting with its Hello. `wake` is a descriptor that ends a wait when it becomes readable."""

    def __init__(
        self,
        address: str,
        token: str,
        hello: attach_pb2.Hello,
        backlog: Backlog,
        wake: int | None = None,
    ) -> None:
        """Connects. Raises OSError."""
        self._backlog, self._wake = backlog, wake
        self._socket = _dial(address)
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(self._stream, _headers(token))
        self._out = b""
        self._body = _framed(attach_pb2.AttachRequest(hello=hello))
        self._received = bytearray()
        self.welcomed = False
        """Whether the parent has answered the Hello."""
        self.parameters = ""
        """The parameters of the job as JSON, once the parent has answered the Hello."""

    def step(self, timeout_seconds: float) -> None:
        """Sends what can be sent, then waits for the parent or a wake-up, and handles what has arrived.

        Raises LostError, RefusedError.
        """
        try:
            self._send()
            if self._wait(timeout_seconds):
                self._receive()
            self._send()
        except (OSError, h2.exceptions.ProtocolError) as error:
            raise LostError(str(error)) from error

    def close(self) -> None:
        """Closes the socket in this process; in a forked process the parent's socket stays open."""
        self._socket.close()

    def _send(self) -> None:
        while True:
            self._fill()
            if not self._out:
                return
            try:
                sent = self._socket.send(self._out)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOTCONN:
                    # The connection is not established yet.
                    return
                raise
            self._out = self._out[sent:]

    def _fill(self) -> None:
        """Buffers as many records as the parent and the socket have room for."""
        while len(self._out) < _MAX_UNSENT_BYTES:
            while self.welcomed and len(self._body) < _DATA_BYTES:
                record = self._backlog.take()
                if record is None:
                    break
                self._body += _framed(attach_pb2.AttachRequest(record=record))
            room = min(
                len(self._body),
                self._h2.local_flow_control_window(self._stream),
                self._h2.max_outbound_frame_size,
            )
            if room > 0:
                self._h2.send_data(self._stream, self._body[:room])
                self._body = self._body[room:]
            self._out += self._h2.data_to_send()
            if room <= 0 or not self._body:
                return

    def _wait(self, timeout_seconds: float) -> bool:
        """Returns whether the socket is readable or has an error."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._out else 0))
        if self._wake is not None:
            poll.register(self._wake, select.POLLIN)
        ready = dict(poll.poll(max(timeout_seconds, 0.0) * 1000))
        return bool(ready.get(self._socket.fileno(), 0) & ~select.POLLOUT)

    def _receive(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise LostError("the parent has closed the connection")
        for event in self._h2.receive_data(data):
            self._on_event(event)

    def _on_event(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, self._stream)
                self._received += event.data
                self._on_messages()
            case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                _check_status(event.headers or ())
            case h2.events.StreamEnded() | h2.events.StreamReset() | h2.events.ConnectionTerminated():
                raise LostError("the parent has ended the stream")
            case _:
                pass

    def _on_messages(self) -> None:
        while len(self._received) >= 5:
            end = 5 + int.from_bytes(self._received[1:5], "big")
            if len(self._received) < end:
                return
            response = attach_pb2.AttachResponse.FromString(bytes(self._received[5:end]))
            del self._received[:end]
            match response.WhichOneof("message"):
                case "welcome":
                    self._backlog.begin(response.welcome.record)
                    self.parameters = response.welcome.parameters
                    self.welcomed = True
                case "record_ack":
                    self._backlog.acked(response.record_ack.number)
                case _:
                    pass


def wait_for_wake(wake: int | None, timeout_seconds: float) -> None:
    """Waits for a wake-up without a connection."""
    if wake is None:
        time.sleep(timeout_seconds)
        return
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.poll(timeout_seconds * 1000)


def _dial(address: str) -> socket.socket:
    if address.startswith(_UNIX):
        family, target = socket.AF_UNIX, address.removeprefix(_UNIX)
    else:
        host, _, port = address.rpartition(":")
        addresses = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        family, target = addresses[0][0], addresses[0][4]
    dialled = socket.socket(family, socket.SOCK_STREAM)
    try:
        dialled.setblocking(False)
        if family != socket.AF_UNIX:
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = dialled.connect_ex(target)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
    except BaseException:
        dialled.close()
        raise
    return dialled


def _headers(token: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", METHOD),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "gator-client"),
        ("authorization", f"Bearer {token}"),
    ]


def _framed(message: attach_pb2.AttachRequest) -> bytes:
    """Returns a message with the prefix of gRPC: a zero byte (uncompressed) and its size."""
    data = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


def _check_status(headers: Iterable[tuple[str | bytes, str | bytes]]) -> None:
    """Raises the exception for the status at the end of a stream."""
    fields = {str(name): str(value) for name, value in headers}
    status = fields.get("grpc-status")
    if status is None:
        if fields.get(":status", "200") != "200":
            raise LostError(f"the peer is not a gRPC server (HTTP status {fields[':status']})")
        return
    text = unquote(fields.get("grpc-message", ""), errors="replace")
    if status.isdecimal() and int(status) in _FINAL:
        raise RefusedError(text or _FINAL[int(status)])
    raise LostError(text or f"status {status}")
