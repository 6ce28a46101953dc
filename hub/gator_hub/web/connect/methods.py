"""The methods of servicers that can be called over HTTP."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from msgspec import Struct

from gator.rpc.server import Service


class Method(Struct, frozen=True):
    """One method, with its handler of grpc."""

    path: str
    request: type[Message]
    handler: Any

    @property
    def is_stream(self) -> bool:
        """Whether it returns any number of messages."""
        return self.handler.response_streaming


class _Handlers:
    """Collects the handlers that generated code adds to a server."""

    def __init__(self) -> None:
        self.by_name: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Ignores the handlers: the same methods are registered by name."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Adds the handlers of a service by the names of its methods."""
        self.by_name.update({f"/{service}/{name}": handler for name, handler in handlers.items()})


def methods_of(services: Iterable[Service]) -> Mapping[str, Method]:
    """Returns the methods by path, without those that read a stream of requests."""
    methods: dict[str, Method] = {}
    pool = descriptor_pool.Default()
    for service in services:
        handlers = _Handlers()
        service.add(service.servicer, handlers)
        for path, handler in handlers.by_name.items():
            if handler.request_streaming:
                continue
            method = pool.FindMethodByName(path[1:].replace("/", "."))
            kind = message_factory.GetMessageClass(method.input_type)
            methods[path] = Method(path, kind, handler)
    return methods
