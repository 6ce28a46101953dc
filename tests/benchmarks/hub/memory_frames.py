"""Attach streams of single HTTP/2 frames, because clients of gRPC cannot stop in the middle of a message."""

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from memory_hub import Hub

_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW = 0, 1, 4, 6, 8
_ACK, _END_HEADERS = 1, 4
_FRAME_BYTES = 16 * 1024
_WINDOW_BYTES = 65_535
_INITIAL_WINDOW = 4
_STREAM = 1


class Frames:
    """A stream on its own connection. Data are sent when the window of the hub permits."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, max_bytes: int) -> None:
        self._reader, self._writer, self._maximum = reader, writer, max_bytes
        self._out = bytearray()
        self._initial = _WINDOW_BYTES
        self._window = {0: _WINDOW_BYTES, _STREAM: _WINDOW_BYTES}

    def open(self, hub: Hub, method: str) -> None:
        """Begins the call."""
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": method,
            ":authority": hub.address,
            "te": "trailers",
            "content-type": "application/grpc",
            **{name: str(value) for name, value in hub.metadata},
        }
        block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields.items())
        self._writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._frame(_SETTINGS, 0, 0, b"")
        self._frame(_HEADERS, _END_HEADERS, _STREAM, block)

    def send(self, message: bytes, of_bytes: int = 0) -> None:
        """Sends a message, or the beginning of one with the announced size `of_bytes`."""
        self._out += struct.pack(">BI", 0, of_bytes or len(message)) + message
        self._pump()

    @property
    def waits(self) -> bool:
        """Returns whether data are still unsent."""
        return bool(self._out) or self._writer.transport.get_write_buffer_size() > 0

    async def serve(self) -> None:
        """Handles the events of the connection until the hub closes it."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await self._reader.readexactly(9)
                data = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                self._on_frame(head[3], head[4], int.from_bytes(head[5:], "big"), data)
                self._pump()

    def _on_frame(self, kind: int, flags: int, stream: int, data: bytes) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            for name, value in struct.iter_unpack(">HI", data):
                if name == _INITIAL_WINDOW:
                    self._window[_STREAM] += value - self._initial
                    self._initial = value
            self._frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _PING and not flags & _ACK:
            self._frame(_PING, _ACK, 0, data)
        elif kind == _WINDOW:
            self._window[stream] += int.from_bytes(data, "big")

    def _pump(self) -> None:
        while size := min(self._maximum, len(self._out), *self._window.values()):
            if size < 0:
                return
            self._frame(_DATA, 0, _STREAM, bytes(self._out[:size]))
            del self._out[:size]
            for stream in self._window:
                self._window[stream] -= size

    def _frame(self, kind: int, flags: int, stream: int, data: bytes) -> None:
        self._writer.write(len(data).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + data)


@asynccontextmanager
async def attached(hub: Hub, max_bytes: int = _FRAME_BYTES) -> AsyncGenerator[Frames]:
    """Opens an Attach stream with the given number of bytes per frame."""
    host, _, port = hub.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    frames = Frames(reader, writer, max_bytes)
    frames.open(hub, "/gator.v1.ParentService/Attach")
    serving = asyncio.create_task(frames.serve())
    try:
        yield frames
    finally:
        serving.cancel()
        writer.close()


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    return bytes([127, len(data) - 127]) + data
