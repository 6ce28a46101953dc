"""What goes into the dispatcher and what it asks for. Data only."""

from enum import Enum
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from gator.core.dispatch.pools import DemandKey
from gator.v1 import attach_pb2

Key: TypeAlias = tuple[str, int]
"""Path of a node and number of the attempt, from 1."""


class Ready(NamedTuple):
    """An attempt that may start as soon as the resources allow.

    A larger `weight` goes first, then a smaller `order`. `alone` asks for a fresh daemon of its own.
    """

    key: Key
    demand: DemandKey
    weight: int = 0
    order: int = 0
    alone: bool = False


class Cancelled(Enum):
    """Where an attempt was when it was cancelled."""

    QUEUED = "queued"
    """It is gone and will not start."""
    AHEAD = "ahead"
    """It was handed out ahead. A Recall follows; it comes back by `on_recalled` or starts all the same."""
    RUNNING = "running"
    """It is running or about to: its host has to stop it."""
    UNKNOWN = "unknown"
    """It was never added, or has ended."""


class StartHost(Struct, frozen=True):
    """Start that many wrapper daemons. Each is answered by `on_host` or `on_host_start_failed`."""

    count: int
    alone: bool = False
    """For attempts that need a fresh daemon; whichever comes up first is used for one of those."""


class RetireHost(Struct, frozen=True):
    """Drain a daemon: it gets nothing more, and the dispatcher has forgotten it."""

    host: str


class HandOut(NamedTuple):
    """Send an attempt to a host. Those of one lease run one after another, in the order of the actions."""

    host: str
    lease_id: int
    cores: int
    key: Key


class Recall(Struct, frozen=True):
    """Ask a host for what was handed out ahead on these leases and has not started."""

    host: str
    lease_ids: tuple[int, ...]


class Grant(Struct, frozen=True):
    """Leases for the tier daemon that wished for them."""

    host: str
    leases: tuple[attach_pb2.Lease, ...]


Action: TypeAlias = StartHost | RetireHost | HandOut | Recall | Grant


class DispatchCounts(Struct, frozen=True):
    """How many attempts and hosts there are, by what they are at."""

    queued: int
    ahead: int
    running: int
    """Handed out to run now, whether or not the start was reported."""
    leases: int
    """Shares that are out, those of tier daemons included."""
    hosts: int
    starting_hosts: int
