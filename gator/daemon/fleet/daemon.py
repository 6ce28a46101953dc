"""One daemon of a run, as its root sees it."""

from enum import Enum
from pathlib import Path

from msgspec import Struct, field

from gator.core.cursor import ConsumerCursor
from gator.link.session import ChildLink
from gator.scheduler import DaemonHandle
from gator.v1 import attach_pb2


class DaemonState(Enum):
    """How far a daemon has come."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    DEAD = "dead"
    """Its process ended before its time, and what it left is being read."""
    ENDED = "ended"


class Daemon(Struct, eq=False):
    """One daemon of the run."""

    name: str
    role: attach_pb2.Role.ValueType
    store_id: str
    store_path: Path
    alone: bool
    cursor: ConsumerCursor
    state: DaemonState = DaemonState.STARTING
    attached: bool = False
    """Whether it ever came up."""
    is_killed: bool = False
    """Whether the root killed it because it was not needed any more."""
    handle: DaemonHandle | None = None
    link: ChildLink | None = None
    waiting: list[attach_pb2.AttachResponse] = field(default_factory=list[attach_pb2.AttachResponse])
    """Messages from before it attached."""

    def send(self, message: attach_pb2.AttachResponse) -> None:
        """Sends a message to the daemon, once it is connected."""
        if self.link is not None:
            self.link.send(message)
        elif self.state is DaemonState.STARTING:
            self.waiting.append(message)
