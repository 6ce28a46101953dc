"""Wrapper daemons and the leases they hold. This module selects hosts, not attempts.

Invariant: a lease belongs to one host from its first attempt to its last.
"""

from collections import deque
from enum import Enum

from msgspec import Struct, field

from gator.core.dispatch.ledger import Share
from gator.core.dispatch.queues import Queue, QueuedAttempt

SLOTS_PER_HOST = 16
MAX_HOSTS = 8
BRIDGE_SECONDS = 0.1
"""Delay in seconds of the first daemons after the first ready attempt, because a small run ends before."""
MAX_BRIDGED_READY = 32
"""Maximum number of queued attempts for which the start of daemons is delayed."""


def host_count(slots: int) -> int:
    """Returns the number of wrapper daemons for `slots`: one per 16, at least min(2, slots), at most 8."""
    return min(MAX_HOSTS, max(min(2, slots), -(-slots // SLOTS_PER_HOST)))


class LeaseState(Enum):
    """Whether more may be handed out on a lease."""

    OPEN = "open"
    RECALLING = "recalling"
    """The host was asked to return the attempts that wait on it, and some still do."""


class Lease(Struct, eq=False):
    """A share held by a host. It runs `jobs[0]`; the others are prefetched."""

    number: int
    host: "Host"
    queue: Queue
    share: Share
    jobs: deque[QueuedAttempt] = field(default_factory=deque[QueuedAttempt])
    state: LeaseState = LeaseState.OPEN
    since: float = 0.0
    """When `jobs[0]` became the first, in seconds."""
    watched: bool = False
    """Whether it will be checked for a long attempt."""

    @property
    def prefetched(self) -> int:
        """Number of prefetched attempts."""
        return max(0, len(self.jobs) - 1)


class HostState(Enum):
    """Which attempts a host may get."""

    OPEN = "open"
    FRESH = "fresh"
    """Reserved for an attempt that has to be alone."""
    ALONE = "alone"
    """Has an attempt that has to be alone, and is retired when that ends."""


class Host(Struct, eq=False):
    """A process that runs attempts: a wrapper daemon or the root's own process."""

    name: str
    state: HostState = HostState.OPEN
    leases: dict[int, Lease] = field(default_factory=dict[int, Lease])


class HostPool:
    """The wrapper daemons that are up or being started.

    `fixed` is the only host of an inline run: it is always up, and no other is started.
    `bridge` is the root's own process, which takes attempts until the first daemon is up.
    """

    def __init__(self, *, max_hosts: int, slots: int, fixed: str | None, bridge: str | None = None) -> None:
        self.bridge = None if bridge is None else Host(bridge)
        self._bridge_until: float | None = None
        self._is_late = False
        """Whether the bridge was used after the delay of the first daemons."""
        self.up: dict[str, Host] = {}
        self.starting = 0
        self.fixed = fixed is not None
        self._max_hosts = max_hosts
        self._share = max(SLOTS_PER_HOST, -(-slots // max(1, max_hosts)))
        if fixed is not None:
            self.up[fixed] = Host(fixed)

    @property
    def is_full(self) -> bool:
        """Whether the maximum number of hosts for shared work is up or starting."""
        return self.fixed or len(self.up) + self.starting >= self._max_hosts

    def count(self, state: HostState) -> int:
        """Returns the number of hosts in a state."""
        return sum(1 for host in self.up.values() if host.state is state)

    def work_began(self, now: float) -> None:
        """Starts the delay of the first daemons."""
        if self._bridge_until is None:
            self._bridge_until = now + BRIDGE_SECONDS

    def wait_until(self, queued: int, now: float) -> float | None:
        """Returns when to start daemons for this number of queued attempts; None means now."""
        until = self._bridge_until
        if self.bridge is None or until is None or now >= until or queued > MAX_BRIDGED_READY:
            return None
        return until

    @property
    def is_late(self) -> bool:
        """Whether the root's own process runs attempts that should run in a daemon."""
        return self._is_late and self.bridge is not None

    def choose(self, *, alone: bool, now: float) -> Host | None:
        """Returns the host for the next lease, which is the one with the fewest; None if none is free."""
        state = HostState.FRESH if alone else HostState.OPEN
        hosts = [host for host in self.up.values() if host.state is state]
        if not hosts:
            return None if alone else self._choose_bridge(now)
        best = min(hosts, key=lambda host: len(host.leases))
        # Otherwise the first host that comes up would get the long jobs of those that are still starting.
        if self.starting and len(best.leases) >= self._share:
            return None
        return best

    def _choose_bridge(self, now: float) -> Host | None:
        bridge = self.bridge
        if bridge is None or len(bridge.leases) >= SLOTS_PER_HOST:
            return None
        self._is_late = self._is_late or self.wait_until(0, now) is None
        return bridge

    def is_overloaded(self, host: Host) -> bool:
        """Returns whether a host has more leases than others, and so should prefetch nothing more."""
        if host.name not in self.up:
            return host is not self.bridge
        if len(self.up) == 1 or host.state is not HostState.OPEN:
            return False
        fewest = min(len(other.leases) for other in self.up.values() if other.state is HostState.OPEN)
        return len(host.leases) > fewest + 1

    def arrived(self, name: str, *, alone: bool) -> None:
        """Adds a host that came up; `alone` reserves it for an attempt that needs a fresh one."""
        self.starting = max(0, self.starting - 1)
        if name not in self.up:
            self.up[name] = Host(name, HostState.FRESH if alone else HostState.OPEN)
        if not alone:
            # Running attempts continue there, but no more are added, to keep the root responsive.
            self.bridge = None

    def missing(self, *, work: int, alone: int) -> tuple[int, int]:
        """Returns how many shared and fresh hosts to start.

        `work` is the number of running and ready attempts, `alone` that of ready ones that need a fresh host.
        """
        if self.fixed:
            return 0, 0
        plain = max(0, min(self._max_hosts, work) - self.count(HostState.OPEN))
        fresh = max(0, min(self._max_hosts, alone) - self.count(HostState.FRESH))
        starting = self.starting
        from_plain = min(plain, starting)
        return plain - from_plain, max(0, fresh - (starting - from_plain))

    def release_fresh(self) -> bool:
        """Opens reserved hosts that no attempt needs any more; returns whether there was one."""
        kept = [host for host in self.up.values() if host.state is HostState.FRESH]
        for host in kept:
            host.state = HostState.OPEN
        return bool(kept)
