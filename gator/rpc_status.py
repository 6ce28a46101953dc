"""Errors as statuses and back: the canonical code and one `google.rpc.ErrorInfo`.

A failing job is never an error of an RPC. The detail travels as everywhere in gRPC: a serialised
`google.rpc.Status` in the trailing metadata `grpc-status-details-bin`. Its two messages have five
fields in all, so they are written and read here instead of taking in a package for them.
(https://github.com/googleapis/googleapis, google/rpc/status.proto and error_details.proto)
"""

from collections.abc import Iterator, Mapping

from google.protobuf.any_pb2 import Any as AnyMessage
from msgspec import Struct, field

from gator import errors
from gator.rpc_quiet import grpc

DETAILS_KEY = "grpc-status-details-bin"
DOMAIN = "gator"
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"

# The first class of which an error is an instance decides, so the special ones stand first.
_CODES: tuple[tuple[type[Exception], grpc.StatusCode, str], ...] = (
    (errors.SpecError, grpc.StatusCode.INVALID_ARGUMENT, "SPEC"),
    (errors.UsageError, grpc.StatusCode.INVALID_ARGUMENT, "USAGE"),
    (errors.ProtocolError, grpc.StatusCode.INVALID_ARGUMENT, "PROTOCOL"),
    (errors.UnauthenticatedError, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
    (errors.PermissionDeniedError, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
    (errors.NotFoundError, grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    (errors.PreconditionError, grpc.StatusCode.FAILED_PRECONDITION, "PRECONDITION"),
    (errors.UnavailableError, grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
    (errors.DiskFullError, grpc.StatusCode.RESOURCE_EXHAUSTED, "DISK_FULL"),
    (errors.StoreError, grpc.StatusCode.INTERNAL, "STORE"),
    (errors.UserError, grpc.StatusCode.INVALID_ARGUMENT, "USER"),
    (errors.GatorError, grpc.StatusCode.INTERNAL, "GATOR"),
)
# What to raise for a peer that gives a code but no reason of ours.
_PLAIN_CODES: Mapping[grpc.StatusCode, type[Exception]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.ProtocolError,
    grpc.StatusCode.UNAUTHENTICATED: errors.UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDeniedError,
    grpc.StatusCode.NOT_FOUND: errors.NotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: errors.PreconditionError,
    grpc.StatusCode.UNIMPLEMENTED: errors.UnknownCallError,
    grpc.StatusCode.UNAVAILABLE: errors.UnavailableError,
    grpc.StatusCode.CANCELLED: errors.UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.UnavailableError,
}

_LONGEST = 1000
"""Characters of what is said of an error."""
_TOO_LARGE = "larger than max"
"""What gRPC says of a message that has more bytes than one side takes: to send it again changes nothing."""


class ErrorInfo(Struct, frozen=True):
    """Why, for programs: `reason` is in capitals and unique within `domain`."""

    reason: str
    domain: str = DOMAIN
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


class Status(Struct, frozen=True):
    """How an RPC ended."""

    code: grpc.StatusCode
    message: str
    info: ErrorInfo

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """The detail, in the form that a server sends at the end of a call."""
        return ((DETAILS_KEY, encode_status(self.code.value[0], self.message, self.info)),)


def status_of(error: Exception) -> Status:
    """The status under which an error of ours is sent; INTERNAL for any other."""
    said = str(error)
    if len(said) > _LONGEST:
        # It travels in a header, which is bounded, and may repeat what a request said.
        said = f"{said[:_LONGEST]} …"
    for kind, code, reason in _CODES:
        if isinstance(error, kind):
            return Status(code, said, ErrorInfo(reason))
    return Status(grpc.StatusCode.INTERNAL, said or type(error).__name__, ErrorInfo("INTERNAL"))


def error_of(code: grpc.StatusCode, message: str, details: bytes | None = None) -> Exception:
    """The error of ours that a status stands for.

    `details` is the value of `grpc-status-details-bin`, if the peer sent it.
    """
    info = decode_status(details) if details else None
    if info is not None and info.domain == DOMAIN:
        for kind, _, reason in _CODES:
            # A SpecError is made from problems, which a status does not carry.
            if reason == info.reason and kind is not errors.SpecError:
                return kind(message)
        if info.reason == "SPEC":
            return errors.UserError(message)
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in message:
        return errors.ProtocolError(message)
    return _PLAIN_CODES.get(code, errors.GatorError)(message)


def error_of_call(error: grpc.RpcError) -> Exception:
    """The error of ours that a failed call stands for; works for calls of both flavours of grpc."""
    if not isinstance(error, grpc.Call | grpc.aio.AioRpcError):
        return errors.UnavailableError(str(error))
    details = next(
        (value for key, value in error.trailing_metadata() or () if key == DETAILS_KEY),
        None,
    )
    return error_of(
        error.code(), error.details() or str(error.code()), details if isinstance(details, bytes) else None
    )


def encode_status(code: int, message: str, info: ErrorInfo) -> bytes:
    """A serialised `google.rpc.Status` with one ErrorInfo."""
    entries = b"".join(
        _field(3, _field(1, key.encode()) + _field(2, value.encode())) for key, value in info.metadata.items()
    )
    detail = AnyMessage(
        type_url=_ERROR_INFO,
        value=_field(1, info.reason.encode()) + _field(2, info.domain.encode()) + entries,
    )
    return (
        b"\x08"
        + _varint(code)
        + _field(2, message.encode(errors="replace"))
        + _field(3, detail.SerializeToString())
    )


def decode_status(data: bytes) -> ErrorInfo | None:
    """The ErrorInfo of a serialised `google.rpc.Status`; None when it has none or is broken."""
    try:
        for number, value in _fields(data):
            if number != 3:
                continue
            detail = AnyMessage.FromString(value)
            if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                return _decode_info(detail.value)
    except (ValueError, IndexError):
        # DecodeError of protobuf is a ValueError: a peer may send what it likes.
        return None
    return None


def _decode_info(data: bytes) -> ErrorInfo:
    texts = {1: "", 2: ""}
    metadata: dict[str, str] = {}
    for number, value in _fields(data):
        if number == 3:
            entry = dict(_fields(value))
            metadata[entry.get(1, b"").decode()] = entry.get(2, b"").decode()
        elif number in texts:
            texts[number] = value.decode()
    return ErrorInfo(texts[1], texts[2], metadata)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, value: bytes) -> bytes:
    """A length-delimited field; left out when it is empty, as proto3 does."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value if value else b""


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message; numbers are skipped over."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        match key & 7:
            case 0:
                _, at = _read_varint(data, at)
            case 1:
                at += 8
            case 2:
                size, at = _read_varint(data, at)
                if at + size > len(data):
                    raise ValueError("a field is cut off")
                yield key >> 3, data[at : at + size]
                at += size
            case 5:
                at += 4
            case other:
                raise ValueError(f"wire type {other} is not known")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
