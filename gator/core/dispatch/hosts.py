"""Wrapper daemons and the leases they hold. Knows which host is next, not which attempt.

The rule it keeps: a lease belongs to one host from its first attempt to its last.
"""

from collections import deque
from enum import Enum

from msgspec import Struct, field

from gator.core.dispatch.ledger import Share
from gator.core.dispatch.queues import Job, Queue

SLOTS_PER_HOST = 16
MAX_HOSTS = 8
BRIDGE_SECONDS = 0.1
"""Delay of the first daemons of a small run after its first ready attempt: it may end by then."""
MAX_BRIDGED_READY = 32
"""Maximum number of queued attempts for which the start of daemons is delayed."""


def host_count(slots: int) -> int:
    """How many wrapper daemons serve that many slots: one per 16, at least min(2, slots), at most 8."""
    return min(MAX_HOSTS, max(min(2, slots), -(-slots // SLOTS_PER_HOST)))


class LeaseState(Enum):
    """Whether more may be handed out on a lease."""

    OPEN = "open"
    RECALLING = "recalling"
    """The host was asked for what waits on it, and something still does."""


class Lease(Struct, eq=False):
    """A share held by a host; it runs `jobs[0]`, the others were handed out ahead."""

    number: int
    host: "Host"
    queue: Queue
    share: Share
    jobs: deque[Job] = field(default_factory=deque[Job])
    state: LeaseState = LeaseState.OPEN
    since: float = 0.0
    """When `jobs[0]` became the first, in seconds."""
    watched: bool = False
    """Whether an alarm is set on it."""

    @property
    def ahead(self) -> int:
        """How many attempts wait on it."""
        return max(0, len(self.jobs) - 1)


class HostState(Enum):
    """What a host may be given."""

    OPEN = "open"
    FRESH = "fresh"
    """Kept for an attempt that has to be alone."""
    ALONE = "alone"
    """Has had such an attempt; retired when that ends."""


class Host(Struct, eq=False):
    """A process that is up and runs attempts: a wrapper daemon or the root's own."""

    name: str
    state: HostState = HostState.OPEN
    leases: dict[int, Lease] = field(default_factory=dict[int, Lease])


class HostPool:
    """The wrapper daemons that are up or being started.

    `fixed` is the one host of an inline run: it is always up, serves everything, and no other is started.
    `bridge` is the root's own process, which takes attempts until the first daemon is up.
    """

    def __init__(self, *, most: int, slots: int, fixed: str | None, bridge: str | None = None) -> None:
        self.bridge = None if bridge is None else Host(bridge)
        self._bridge_until: float | None = None
        self._is_late = False
        """Whether the bridge was used after the delay."""
        self.hosts: dict[str, Host] = {}
        self.starting = 0
        self.fixed = fixed is not None
        self.most = most
        self._share = max(SLOTS_PER_HOST, -(-slots // max(1, most)))
        if fixed is not None:
            self.hosts[fixed] = Host(fixed)

    @property
    def is_full(self) -> bool:
        """Whether as many hosts are up or starting as there may be for shared work."""
        return self.fixed or len(self.hosts) + self.starting >= self.most

    def count(self, state: HostState) -> int:
        """How many hosts are in a state."""
        return sum(1 for host in self.hosts.values() if host.state is state)

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

    def place(self, *, alone: bool, now: float) -> Host | None:
        """The host for the next lease: of those that will do, the one with the fewest."""
        state = HostState.FRESH if alone else HostState.OPEN
        hosts = [host for host in self.hosts.values() if host.state is state]
        if not hosts:
            return None if alone else self._place_on_bridge(now)
        best = min(hosts, key=lambda host: len(host.leases))
        # A host that comes up first shall not get the long jobs of those that are still starting.
        if self.starting and len(best.leases) >= self._share:
            return None
        return best

    def _place_on_bridge(self, now: float) -> Host | None:
        bridge = self.bridge
        if bridge is None or len(bridge.leases) >= SLOTS_PER_HOST:
            return None
        self._is_late = self._is_late or self.wait_until(0, now) is None
        return bridge

    def is_crowded(self, host: Host) -> bool:
        """Whether one of its leases had better move to another host."""
        if host.name not in self.hosts:
            return host is not self.bridge
        if len(self.hosts) == 1 or host.state is not HostState.OPEN:
            return False
        least = min(len(other.leases) for other in self.hosts.values() if other.state is HostState.OPEN)
        return len(host.leases) > least + 1

    def arrived(self, name: str, *, alone: bool) -> None:
        """A host came up; `alone` keeps it for an attempt that needs it fresh."""
        self.starting = max(0, self.starting - 1)
        if name not in self.hosts:
            self.hosts[name] = Host(name, HostState.FRESH if alone else HostState.OPEN)
        if not alone:
            # Running attempts continue there, but no more are added, to keep the root responsive.
            self.bridge = None

    def missing(self, *, work: int, alone: int) -> tuple[int, int]:
        """How many hosts to start for `work` attempts that run or are ready, and `alone` ready ones."""
        if self.fixed:
            return 0, 0
        plain = max(0, min(self.most, work) - self.count(HostState.OPEN))
        fresh = max(0, min(self.most, alone) - self.count(HostState.FRESH))
        on_the_way = self.starting
        from_plain = min(plain, on_the_way)
        return plain - from_plain, max(0, fresh - (on_the_way - from_plain))

    def release_fresh(self) -> bool:
        """Open the hosts that no attempt needs fresh any more; whether there was one."""
        kept = [host for host in self.hosts.values() if host.state is HostState.FRESH]
        for host in kept:
            host.state = HostState.OPEN
        return bool(kept)
