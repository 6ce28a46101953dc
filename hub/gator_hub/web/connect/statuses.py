"""Errors of calls as the Connect protocol sends them."""

import base64
import json
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status as StatusMessage
from msgspec import Struct

from gator.rpc.status import DETAILS_KEY

_HTTP: Final = {
    "canceled": 499,
    "unknown": 500,
    "invalid_argument": 400,
    "deadline_exceeded": 504,
    "not_found": 404,
    "already_exists": 409,
    "permission_denied": 403,
    "resource_exhausted": 429,
    "failed_precondition": 400,
    "aborted": 409,
    "out_of_range": 400,
    "unimplemented": 501,
    "internal": 500,
    "unavailable": 503,
    "data_loss": 500,
    "unauthenticated": 401,
}


class Status(Struct, frozen=True):
    """How a call failed; `details` are messages by the full name of their type."""

    code: str
    message: str
    details: tuple[tuple[str, bytes], ...] = ()

    @property
    def http(self) -> int:
        """The status of HTTP of a unary call."""
        return _HTTP.get(self.code, 500)

    def as_json(self) -> dict[str, Any]:
        """Returns the object that the protocol describes."""
        value: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            value["details"] = [
                {"type": kind, "value": base64.b64encode(data).decode().rstrip("=")}
                for kind, data in self.details
            ]
        return value

    def as_bytes(self) -> bytes:
        """Returns the body of a response with this status."""
        return json.dumps(self.as_json()).encode()


class CallError(Exception):
    """A call ended with a status other than OK."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def status_of_abort(code: Any, message: str, trailing: Iterable[tuple[str, str | bytes]]) -> Status:
    """Returns the status with which a servicer aborts; `code` is one of grpc."""
    name = "canceled" if code.name == "CANCELLED" else code.name.lower()
    data = next((value for key, value in trailing if key == DETAILS_KEY), b"")
    return Status(name, message, _details(data) if isinstance(data, bytes) else ())


def _details(data: bytes) -> tuple[tuple[str, bytes], ...]:
    try:
        details = StatusMessage.FromString(data).details
    except DecodeError:
        return ()
    return tuple((detail.TypeName(), detail.value) for detail in details)
