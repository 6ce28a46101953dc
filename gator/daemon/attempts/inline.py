"""The hand of an engine that runs jobs in its own process: the same orders, but no wire.

The rule: it translates orders into calls and decides nothing.
"""

from collections.abc import Callable, Sequence

from gator.daemon.attempts.host import WrapperHost
from gator.v1 import attach_pb2

Key = tuple[str, int]


class InlineHand:
    """Passes orders on to a wrapper host in this process."""

    def __init__(self, host: WrapperHost, on_recalled: Callable[[Sequence[Key]], None]) -> None:
        self._host = host
        self._on_recalled = on_recalled

    def send(self, message: attach_pb2.AttachResponse) -> None:
        """Carry out launch, stop and recall; there is nothing else for jobs."""
        match message.WhichOneof("message"):
            case "launch":
                for node in message.launch.nodes:
                    self._host.launch(node)
            case "stop":
                self._host.stop(message.stop)
            case "recall":
                given = self._host.recall(message.recall.leases)
                self._on_recalled([(ref.path, ref.attempt) for ref in given])
            case _:
                pass
