"""The parent's end of Attach for role CLIENT, the processes of jobs.

Invariant: a record is acked after it is stored; one that is stored already is acked again and dropped.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from gator import __version__
from gator.core.cursor import RecordInbox
from gator.core.tokens import Tokens
from gator.link.session import ChildLink
from gator.v1 import attach_pb2, event_pb2

MAX_CLIENTS = 1000
"""Maximum number of processes of one attempt whose last number is remembered; the oldest are forgotten."""


class Attempts(Protocol):
    """The attempts that run here."""

    def client_event(
        self,
        path: str,
        attempt: int,
        event: event_pb2.Event,
        then: Callable[[], None],
        *,
        notice: bool = False,
    ) -> Awaitable[None] | None:
        """Records a report of a job's own process; `then` is called once it is committed.

        A `notice` comes from the job's client and does not count against the job. Raises
        PreconditionError when the attempt does not run. The awaitable, if any, is done when there is room
        for more.
        """
        ...

    def parameters(self, path: str, attempt: int) -> str:
        """Returns the parameters of the job of an attempt as JSON; empty if it has none or does not run."""
        ...


class ClientHandler:
    """Records the events of clients with their attempts."""

    def __init__(self, attempts: Attempts, tokens: Tokens) -> None:
        self._attempts = attempts
        self._tokens = tokens
        self._inboxes: dict[tuple[str, int], dict[str, RecordInbox]] = {}

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        """Raises UnauthenticatedError unless the token is that of the attempt, which has no name."""
        self._tokens.check_hello(token, hello)
        return ""

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        """Returns the number of the last record that is stored, after which the client continues."""
        hello = child.hello
        return attach_pb2.Welcome(
            version=__version__,
            record=self._inbox(hello).kept,
            parameters=self._attempts.parameters(hello.path, hello.attempt),
        )

    def on_message(self, child: ChildLink, message: attach_pb2.AttachRequest) -> Awaitable[None] | None:
        """Stores a record."""
        record, hello = message.record, child.hello
        inbox = self._inbox(hello)
        if not inbox.take(record.number):
            self._ack(child, inbox.kept)
            return None
        kept = partial(self._on_kept, child, inbox, record.number)
        return self._attempts.client_event(
            hello.path, hello.attempt, record.event, kept, notice=record.notice
        )

    def on_detached(self, child: ChildLink) -> None:
        """Leaves the number of the last record until the attempt ends."""

    def forget(self, path: str, attempt: int) -> None:
        """Forgets the clients of an attempt that has ended."""
        self._inboxes.pop((path, attempt), None)

    def _inbox(self, hello: attach_pb2.Hello) -> RecordInbox:
        inboxes = self._inboxes.setdefault((hello.path, hello.attempt), {})
        while len(inboxes) >= MAX_CLIENTS and hello.id not in inboxes:
            del inboxes[next(iter(inboxes))]
        return inboxes.setdefault(hello.id, RecordInbox())

    def _on_kept(self, child: ChildLink, inbox: RecordInbox, number: int) -> None:
        self._ack(child, inbox.keep(number))

    @staticmethod
    def _ack(child: ChildLink, number: int) -> None:
        child.send(attach_pb2.AttachResponse(record_ack=attach_pb2.RecordAck(number=number)))
