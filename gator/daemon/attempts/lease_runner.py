"""The leases of a host: under each, attempts run one after another.

Invariant: at most MAX_STARTS_IN_TURN processes are started in one turn of the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct, field

from gator.v1 import attach_pb2

MAX_STARTS_IN_TURN = 16
"""Maximum number of processes started in one turn of the loop, because signals and output wait meanwhile."""


class _Lease(Struct):
    is_running: bool = False
    waiting: deque[attach_pb2.LaunchNode] = field(default_factory=deque[attach_pb2.LaunchNode])


class LeaseRunner:
    """Calls `start` with the next attempt of each free lease, and `on_idle` when a lease has ended."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        start: Callable[[attach_pb2.LaunchNode], None],
        on_idle: Callable[[], None],
    ) -> None:
        self._loop, self._start, self._on_idle = loop, start, on_idle
        self._leases: dict[int, _Lease] = {}
        self._to_start: deque[int] = deque()
        """Leases whose next attempt starts in a later turn of the loop."""
        self._started_in_turn = 0

    @property
    def is_idle(self) -> bool:
        """Whether no attempt runs or waits."""
        return not self._leases

    def add(self, node: attach_pb2.LaunchNode) -> None:
        """Adds an attempt, which starts as soon as those before it under the same lease have ended."""
        lease = self._leases.get(node.lease)
        if lease is None:
            lease = self._leases[node.lease] = _Lease()
        lease.waiting.append(node)
        if not lease.is_running:
            self._start_soon(node.lease)

    def on_ended(self, number: int) -> None:
        """Reports that the running attempt of a lease has ended."""
        self._leases[number].is_running = False
        # In a later call, because a row of attempts that cannot start would recurse without bound.
        self._loop.call_soon(self._start_next, number)

    def take_waiting(
        self, is_selected: Callable[[attach_pb2.LaunchNode], bool]
    ) -> list[attach_pb2.LaunchNode]:
        """Removes and returns the attempts that wait and are `is_selected`."""
        taken: list[attach_pb2.LaunchNode] = []
        for lease in self._leases.values():
            if any(map(is_selected, lease.waiting)):
                taken += filter(is_selected, lease.waiting)
                lease.waiting = deque(node for node in lease.waiting if not is_selected(node))
        return taken

    def recall(self, leases: Iterable[int]) -> list[attach_pb2.AttemptRef]:
        """Returns the waiting attempts of these leases to the parent, or of all leases if there are none."""
        selected = set(leases)
        nodes = self.take_waiting(lambda node: not selected or node.lease in selected)
        return [attach_pb2.AttemptRef(path=node.path, attempt=node.attempt) for node in nodes]

    def _start_soon(self, number: int) -> None:
        """Starts the next attempt of a lease, in a later turn of the loop if many start at once."""
        if self._to_start or self._started_in_turn >= MAX_STARTS_IN_TURN:
            self._to_start.append(number)
            return
        if not self._started_in_turn:
            self._loop.call_soon(self._begin_turn)
        self._started_in_turn += 1
        self._start_next(number)

    def _begin_turn(self) -> None:
        self._started_in_turn = min(MAX_STARTS_IN_TURN, len(self._to_start))
        if self._started_in_turn:
            self._loop.call_soon(self._begin_turn)
        for _ in range(self._started_in_turn):
            self._start_next(self._to_start.popleft())

    def _start_next(self, number: int) -> None:
        lease = self._leases.get(number)
        if lease is None or lease.is_running:
            return
        if not lease.waiting:
            del self._leases[number]
            self._on_idle()
            return
        lease.is_running = True
        self._start(lease.waiting.popleft())
