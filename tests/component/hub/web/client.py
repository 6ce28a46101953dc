"""A client of HTTP that shows what a hub sends, byte by byte."""

import http.client
import json
import struct
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.component.hub.processes import SECONDS, Hub

PREFIX = struct.Struct(">BI")


class Web:
    """The HTTP port of a hub, and a token."""

    def __init__(self, hub: Hub, token: str) -> None:
        (line,) = [line for line in hub.greeting if "web page" in line]
        self.port = int(line.split("localhost:")[1].partition("/")[0])
        self.token = token

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        given = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **headers}
        return {name: value for name, value in given.items() if value}

    def send(
        self, path: str, body: Any = b"{}", method: str = "POST", **headers: str
    ) -> "tuple[int, http.client.HTTPMessage, bytes]":
        """The status, headers and body of a response. Underscores in names of headers are hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, self.headers(named))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def call(self, method: str, request: object, **headers: str) -> Any:
        """The answer to a call with JSON."""
        _, _, body = self.send(f"/gator.v1.{method}", json.dumps(request).encode(), **headers)
        return json.loads(body)

    @contextmanager
    def stream(self, method: str, request: object, **headers: str) -> "Generator[http.client.HTTPResponse]":
        """A stream of answers in JSON that is open meanwhile."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            given = self.headers({"content-type": "application/connect+json", **named})
            connection.request("POST", f"/gator.v1.{method}", framed(json.dumps(request).encode()), given)
            yield connection.getresponse()
        finally:
            connection.close()


def framed(data: bytes, flags: int = 0) -> bytes:
    return PREFIX.pack(flags, len(data)) + data


def frame(response: http.client.HTTPResponse) -> tuple[int, bytes]:
    """The next flags and data of a stream."""
    flags, size = PREFIX.unpack(response.read(PREFIX.size))
    return flags, response.read(size)
