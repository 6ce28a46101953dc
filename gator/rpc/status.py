"""Errors as statuses and back: the canonical code and one `google.rpc.ErrorInfo`.

A failing job is never an RPC error. The detail has the standard form of gRPC: a serialised
`google.rpc.Status` in the trailing metadata `grpc-status-details-bin`. Its messages come from
googleapis-common-protos; servers load them so that reflection shows them.
"""

from collections.abc import Mapping

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status as StatusMessage
from msgspec import Struct

from gator import errors
from gator.rpc.quiet import grpc

DETAILS_KEY = "grpc-status-details-bin"
DOMAIN = "gator"

# The first class that matches an error decides, so the special ones stand first.
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

_MAX_CHARACTERS = 1000
"""Maximum length of the message of a status, because it is sent in a header of limited size."""
_TOO_LARGE = "larger than max"
"""Part of gRPC's error for a message that is too large; resending it is useless."""


class Status(Struct, frozen=True):
    """The status of an RPC. `reason` is for programs: upper case and unique within Gator."""

    code: grpc.StatusCode
    message: str
    reason: str

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """Returns the detail in the form that a server sends at the end of a call."""
        status = StatusMessage(code=self.code.value[0], message=self.message)
        status.details.add().Pack(ErrorInfo(reason=self.reason, domain=DOMAIN))
        return ((DETAILS_KEY, status.SerializeToString()),)


def status_of(error: Exception) -> Status:
    """Returns the status under which an error of ours is sent; INTERNAL for any other."""
    # Protobuf strings cannot contain lone surrogates.
    text = str(error).encode(errors="replace").decode()
    if len(text) > _MAX_CHARACTERS:
        text = f"{text[:_MAX_CHARACTERS]} …"
    for kind, code, reason in _CODES:
        if isinstance(error, kind):
            return Status(code, text, reason)
    return Status(grpc.StatusCode.INTERNAL, text or type(error).__name__, "INTERNAL")


def error_of(code: grpc.StatusCode, message: str, details: bytes | None = None) -> Exception:
    """Returns the error of ours that a status stands for.

    `details` is the value of `grpc-status-details-bin`, if the peer sent it.
    """
    info = info_of(details) if details else None
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
    """Returns the error of ours that a failed call stands for; works for calls of both flavours of grpc."""
    if not isinstance(error, grpc.Call | grpc.aio.AioRpcError):
        return errors.UnavailableError(str(error))
    details = next(
        (value for key, value in error.trailing_metadata() or () if key == DETAILS_KEY),
        None,
    )
    return error_of(
        error.code(), error.details() or str(error.code()), details if isinstance(details, bytes) else None
    )


def info_of(data: bytes) -> ErrorInfo | None:
    """Returns the ErrorInfo in a serialised `google.rpc.Status`; None when it has none or is broken."""
    try:
        info = ErrorInfo()
        if any(detail.Unpack(info) for detail in StatusMessage.FromString(data).details):
            return info
    except DecodeError:
        # A peer may send any bytes.
        pass
    return None
