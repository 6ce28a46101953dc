"""Ready attempts of a tier daemon, which start under leases that the root grants.

Invariant: a lease runs one attempt at a time and is returned as soon as no ready attempt fits it. The attempt
after a lost one runs alone, so that a job that kills its daemon takes no others with it.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct, field

from gator.core.dispatch.actions import Cancelled, HandOut, Key, Ready
from gator.core.dispatch.pools import DemandKey
from gator.v1 import attach_pb2

MAX_REQUESTED = 64
"""Maximum number of leases requested per demand, so that a request does not change with every job."""


class RequestLeases(Struct, frozen=True):
    """Request leases from the root; replaces the previous request."""

    requested: tuple[attach_pb2.RequestedLeases, ...]


class Return(Struct, frozen=True):
    """Return leases to the root."""

    leases: tuple[int, ...]


LeaseAction: TypeAlias = RequestLeases | Return


class _Class(Struct):
    """Ready attempts of one demand, and its free leases."""

    ready: list[tuple[int, int, int, Ready]] = field(default_factory=list[tuple[int, int, int, Ready]])
    free: list[attach_pb2.Lease] = field(default_factory=list[attach_pb2.Lease])
    number: int = 0
    """Number of ready attempts that were not cancelled."""


class LeaseQueue:
    """The dispatcher of a tier daemon; `host` is the name of its only host."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._classes: dict[DemandKey, _Class] = {}
        self._queued: dict[Key, Ready] = {}
        self._running: dict[Key, tuple[DemandKey, attach_pb2.Lease]] = {}
        self._requested: dict[DemandKey, tuple[int, int]] = {}
        self._alone: dict[Key, Ready] = {}
        """Attempts that run alone, because the previous one was lost."""
        self._turn: Ready | None = None
        """The attempt of `_alone` that runs or is about to."""
        self._number = 0

    def add(self, item: Ready, now: float) -> None:
        """Adds an attempt that is ready."""
        del now
        self._queued[item.key] = item
        if item.alone:
            self._alone[item.key] = item
            return
        self._class(item.demand).number += 1
        self._number += 1
        entry = (-item.weight, item.order, self._number, item)
        heapq.heappush(self._class(item.demand).ready, entry)

    def cancel(self, key: Key, now: float) -> Cancelled:
        """Cancels an attempt; the result says what the caller has to do."""
        del now
        item = self._queued.pop(key, None)
        if item is not None:
            if self._turn is item:
                self._turn = None
            elif self._alone.pop(key, None) is None:
                self._class(item.demand).number -= 1
            return Cancelled.QUEUED
        return Cancelled.RUNNING if key in self._running else Cancelled.UNKNOWN

    def on_started(self, key: Key, now: float) -> None:
        """Does nothing, because nothing here depends on the start of an attempt."""

    def on_finished(self, key: Key, now: float) -> None:
        """Frees the lease of an attempt that ended for the next one."""
        del now
        running = self._running.pop(key, None)
        if running is not None:
            demand, lease = running
            if self._turn is not None and self._turn.key == key:
                self._turn = None
            self._class(demand).free.append(lease)

    def on_recalled(self, keys: Sequence[Key], now: float) -> None:
        """Does nothing, because no attempts are prefetched here."""

    def on_grant(self, leases: Iterable[attach_pb2.Lease]) -> None:
        """Adds leases that the root granted."""
        for lease in leases:
            demand = DemandKey.of(lease.demand)
            self._class(demand).free.append(lease)
            count, weight = self._requested.get(demand, (0, 0))
            self._requested[demand] = (max(0, count - 1), weight)

    def poll(self, now: float) -> list[HandOut | LeaseAction]:
        """Starts attempts that have a lease, returns unneeded leases and requests missing ones."""
        del now
        actions: list[HandOut | LeaseAction] = []
        unused: list[int] = []
        requested: dict[DemandKey, tuple[int, int]] = {}
        self._select_next_alone()
        for demand, group in list(self._classes.items()):
            while group.free and (item := self._next(group)) is not None:
                lease = group.free.pop()
                self._running[item.key] = (demand, lease)
                actions.append(HandOut(self._host, lease.id, lease.cores, item.key))
            unused += [lease.id for lease in group.free]
            group.free.clear()
            request = self._request(demand, group)
            if request is not None:
                requested[demand] = request
            elif not group.number:
                del self._classes[demand]
        if unused:
            actions.append(Return(tuple(unused)))
        if requested != {key: request for key, request in self._requested.items() if request[0]}:
            self._requested = requested
            actions.append(
                RequestLeases(
                    tuple(
                        attach_pb2.RequestedLeases(demand=key.message(), count=count, priority=weight)
                        for key, (count, weight) in requested.items()
                    )
                )
            )
        return actions

    def wake_at(self) -> float | None:
        """Returns None, because nothing here depends on time."""
        return None

    def _class(self, demand: DemandKey) -> _Class:
        return self._classes.setdefault(demand, _Class())

    def _select_next_alone(self) -> None:
        """Selects the next attempt that has to be alone, once everything else has ended."""
        if self._turn is None and self._alone and not self._running:
            self._turn = self._alone.pop(next(iter(self._alone)))
            # It may have to wait for a lease of its own.
            self._class(self._turn.demand)

    def _next(self, group: _Class) -> Ready | None:
        """Returns the next attempt of a class; None while an attempt that has to be alone waits or runs."""
        if self._turn is not None:
            turn = self._turn
            if self._running or self._class(turn.demand) is not group:
                return None
            del self._queued[turn.key]
            return turn
        if self._alone:
            return None
        while group.ready:
            item = heapq.heappop(group.ready)[3]
            if self._queued.pop(item.key, None) is not None:
                group.number -= 1
                return item
        return None

    def _request(self, demand: DemandKey, group: _Class) -> tuple[int, int] | None:
        """Returns how many leases of a demand could be used now, and the weight of the first attempt."""
        if self._turn is not None:
            mine = not self._running and self._turn.demand == demand
            return (1, self._turn.weight) if mine else None
        if self._alone or not group.number:
            return None
        while group.ready[0][3].key not in self._queued:
            heapq.heappop(group.ready)
        return min(group.number, MAX_REQUESTED), -group.ready[0][0]
