"""Inputs of the dispatcher and the actions that it asks for. Data only."""

from enum import Enum
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from gator.core.dispatch.pools import DemandKey
from gator.v1 import attach_pb2

Key: TypeAlias = tuple[str, int]
"""Path of a node, and number of the attempt from 1."""


class Ready(NamedTuple):
    """An attempt that may start as soon as the resources allow.

    Attempts start by larger `weight`, then by smaller `order`. `alone` asks for a fresh daemon of its own.
    """

    key: Key
    demand: DemandKey
    weight: int = 0
    order: int = 0
    alone: bool = False


class Cancelled(Enum):
    """Where an attempt was when it was cancelled."""

    QUEUED = "queued"
    """It was removed and will not start."""
    PREFETCHED = "prefetched"
    """It was prefetched. A Recall follows; it comes back by `on_recalled` or starts nevertheless."""
    RUNNING = "running"
    """It runs or is about to: its host has to stop it."""
    UNKNOWN = "unknown"
    """It was never added, or has ended."""


class StartHost(Struct, frozen=True):
    """Start `count` wrapper daemons. Each is answered by `on_host` or `on_host_start_failed`."""

    count: int
    alone: bool = False
    """For attempts that need a fresh daemon; the first daemon that comes up is used for one of them."""


class RetireHost(Struct, frozen=True):
    """Drain a daemon, which gets no more attempts; the dispatcher has removed it."""

    host: str


class HandOut(NamedTuple):
    """Send an attempt to a host. Attempts of one lease run one after another, in the order of the actions."""

    host: str
    lease_id: int
    cores: int
    key: Key


class Recall(Struct, frozen=True):
    """Ask a host to return attempts that were prefetched on these leases and have not started."""

    host: str
    lease_ids: tuple[int, ...]


class Grant(Struct, frozen=True):
    """Grant leases to the tier daemon that requested them."""

    host: str
    leases: tuple[attach_pb2.Lease, ...]


HostAction: TypeAlias = StartHost | RetireHost | Grant
"""Actions about daemons, which only a root has."""
Action: TypeAlias = HostAction | HandOut | Recall


class DispatchCounts(Struct, frozen=True):
    """Numbers of attempts by state, of leases and of hosts."""

    queued: int
    prefetched: int
    running: int
    """Handed out to run now, whether or not their start was reported."""
    leases: int
    """Shares taken from the ledger, including those of tier daemons."""
    hosts: int
