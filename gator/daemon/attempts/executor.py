"""Carries out the messages about jobs that an engine sends, in the process that hosts them."""

from collections.abc import Callable, Sequence

from gator.daemon.attempts.host import WrapperHost
from gator.v1 import attach_pb2

Key = tuple[str, int]


class HostExecutor:
    """Starts, stops and recalls attempts of a wrapper host in this process."""

    def __init__(self, host: WrapperHost, on_recalled: Callable[[Sequence[Key]], None]) -> None:
        self._host = host
        self._on_recalled = on_recalled

    def send(self, message: attach_pb2.AttachResponse) -> None:
        """Carries out launch, stop and recall; other messages do not concern jobs."""
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
