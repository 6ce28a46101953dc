"""The context of a call over HTTP, as a servicer of grpc.aio uses it."""

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from google.protobuf.message import Message

from gator_hub.web.asgi import Headers
from gator_hub.web.connect.exchange import Body, Response
from gator_hub.web.connect.statuses import CallError, status_of_abort


class CallContext:
    """The methods of grpc.aio.ServicerContext that the gate and the servicers use."""

    def __init__(
        self, body: Body, response: Response, headers: Headers, client: Sequence[Any] | None
    ) -> None:
        self._body, self._response, self._client = body, response, client
        self.headers = headers

    async def read(self) -> bytes:
        """Returns the request."""
        return await self._body.read()

    async def write(self, message: Message) -> None:
        """Sends a response; waits while the client does not read."""
        await self._response.write(message)

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """Returns the headers."""
        return tuple(self.headers.items())

    def peer(self) -> str:
        """Returns the address of the client as grpc writes it."""
        if not self._client:
            return "unknown:"
        host, port = self._client[:2]
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    async def abort(
        self, code: Any, details: str = "", trailing_metadata: Iterable[tuple[str, str | bytes]] = ()
    ) -> NoReturn:
        """Ends the call with a status other than OK."""
        raise CallError(status_of_abort(code, details, trailing_metadata))
