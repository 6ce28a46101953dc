"""Which role may send and receive which message. The comment of ParentService has the same table."""

from collections.abc import Mapping

from gator import errors
from gator.event_kinds import CLIENT_FIELDS
from gator.v1 import attach_pb2

_CLIENT = attach_pb2.ROLE_CLIENT
_WRAPPERS = attach_pb2.ROLE_WRAPPERS
_TIER = attach_pb2.ROLE_TIER
_ROOT = attach_pb2.ROLE_ROOT

ROLES = frozenset({_CLIENT, _WRAPPERS, _TIER, _ROOT})
_DAEMONS = frozenset({_WRAPPERS, _TIER, _ROOT})

CHILD_MAY: Mapping[str, frozenset[attach_pb2.Role.ValueType]] = {
    "record": frozenset({_CLIENT}),
    "batch": _DAEMONS,
    "tip": _DAEMONS,
    "recalled": frozenset({_WRAPPERS}),
    "late_wake": frozenset({_WRAPPERS, _TIER}),
    "lease_request": frozenset({_TIER}),
    "lease_return": frozenset({_TIER}),
    "part": frozenset({_ROOT}),
}
"""Fields of AttachRequest after the Hello, and the roles of children that may send them."""

PARENT_MAY: Mapping[str, frozenset[attach_pb2.Role.ValueType]] = {
    "record_ack": frozenset({_CLIENT}),
    "subscribe": _DAEMONS,
    "ack": _DAEMONS,
    "drain": _DAEMONS,
    "stop": _DAEMONS,
    "launch": frozenset({_WRAPPERS, _TIER}),
    "recall": frozenset({_WRAPPERS}),
    "grant": frozenset({_TIER}),
    "release": frozenset({_TIER}),
}
"""Fields of AttachResponse after the Welcome, and the roles of children that may receive them."""


def hello_of(request: attach_pb2.AttachRequest) -> attach_pb2.Hello:
    """Returns the Hello of a stream. Raises ProtocolError if it is another message or has no role."""
    if request.WhichOneof("message") != "hello":
        raise errors.ProtocolError("the first message of a child must be hello")
    if request.hello.role not in ROLES:
        raise errors.ProtocolError("hello must name a role: CLIENT, WRAPPERS, TIER or ROOT")
    return request.hello


def welcome_of(response: attach_pb2.AttachResponse) -> attach_pb2.Welcome:
    """Returns the Welcome that begins a stream. Raises ProtocolError if it is another message."""
    if response.WhichOneof("message") != "welcome":
        raise errors.ProtocolError("the first message of a parent must be welcome")
    return response.welcome


def check_request(role: attach_pb2.Role.ValueType, request: attach_pb2.AttachRequest) -> str | None:
    """Returns the name of a message; None if unknown. Raises ProtocolError if the role may not send it."""
    name = request.WhichOneof("message")
    if name is None:
        return None
    if role not in CHILD_MAY.get(name, ()):
        raise errors.ProtocolError(f"a child of role {_name(role)} may not send {name} here")
    if name == "record":
        payload = request.record.event.WhichOneof("payload")
        if payload is not None and payload not in CLIENT_FIELDS:
            raise errors.ProtocolError(f"a record holds a log or a metric, not {payload}")
    return name


def check_response(role: attach_pb2.Role.ValueType, response: attach_pb2.AttachResponse) -> str | None:
    """Returns the name of a message; None if unknown. Raises ProtocolError if it is not for the role."""
    name = response.WhichOneof("message")
    if name is not None and role not in PARENT_MAY.get(name, ()):
        raise errors.ProtocolError(f"a parent may not send {name} to a child of role {_name(role)} here")
    return name


def _name(role: attach_pb2.Role.ValueType) -> str:
    return attach_pb2.Role.Name(role).removeprefix("ROLE_")
