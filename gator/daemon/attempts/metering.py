"""Samples of all attempts of a host: one timer, one thread, one pass a tick.

Invariant: an attempt that ends before its first sample is due costs nothing but two entries in a table.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic_ns

from msgspec import Struct

from gator.core.attempt.sampling_schedule import SamplingSchedule
from gator.daemon.attempts.attempt import Attempt
from gator.process.ownership.attempt_cgroups import Groups
from gator.process.ownership.criteria import Ownership
from gator.process.sampling import Sampler, Usage
from gator.runtime.loop import beside
from gator.v1 import event_pb2


class _Metered(Struct):
    attempt: Attempt
    at: int
    cpu_seconds: float = 0.0


class Metering:
    """Samples attempts at least every `longest_seconds`, more often while they are young."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, longest_seconds: float, make_groups: Callable[[], Groups]
    ) -> None:
        self._loop = loop
        self._schedule = SamplingSchedule(longest_seconds)
        self._sampler = Sampler()
        self._make_groups = make_groups
        self._groups: Groups | None = None
        self._due: list[Ownership] = []
        self._metered: dict[int, _Metered] = {}
        self._executor: ThreadPoolExecutor | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_busy = False

    def add(self, attempt: Attempt, pid: int) -> None:
        """Adds an attempt that has started."""
        self._metered[pid] = _Metered(attempt, monotonic_ns())
        is_limited = bool(attempt.ownership.memory_max)
        self._schedule.add(pid, self._loop.time(), at_once=is_limited)
        if is_limited and self._timer is not None:
            # Memory that is allocated before the move does not count.
            self._timer.cancel()
            self._timer = None
        self._arm()

    def remove(self, pid: int) -> None:
        """Removes an attempt whose leader was reaped."""
        if self._metered.pop(pid, None) is not None:
            self._schedule.remove(pid)
            self._sampler.forget(pid)

    def close(self) -> None:
        """Stops sampling."""
        if self._timer is not None:
            self._timer.cancel()
        self._metered.clear()
        self._schedule = SamplingSchedule()
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def _arm(self) -> None:
        """Sets the timer; one that is set already is early enough, as new attempts are due the soonest."""
        if self._timer is not None or self._is_busy:
            return
        at = self._schedule.next_at()
        if at is not None:
            self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        due = [self._metered[pid].attempt.ownership for pid in self._schedule.take(self._loop.time())]
        if not due:
            self._arm()
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "sampler")
        self._is_busy = True
        self._due = due
        taking = beside(partial(self._sample, due), self._executor)
        taking.add_done_callback(self._on_taken)

    def _sample(self, due: list[Ownership]) -> tuple[int, Mapping[int, Usage]]:
        try:
            now, usages = monotonic_ns(), self._sampler.sample(due)
            self._place(due, usages)
            return now, usages
        except OSError:
            # Out of descriptors or memory: a sample is missed, no more.
            return monotonic_ns(), {}

    def _place(self, due: list[Ownership], usages: Mapping[int, Usage]) -> None:
        """Moves each long-lived attempt into a control group, where possible."""
        if self._groups is None:
            # Decided late, because most attempts end before their first sample.
            self._groups = self._make_groups()
        for ownership in due:
            usage = usages.get(ownership.leader)
            if usage is not None:
                ownership.group = self._groups.place(ownership.group, usage.members, ownership.memory_max)

    def _on_taken(self, taken: "asyncio.Future[tuple[int, Mapping[int, Usage]]]") -> None:
        self._is_busy = False
        now, usages = taken.result()
        due, self._due = self._due, []
        for ownership in due:
            if ownership.has_ended and ownership.group is not None:
                # It ended during the move.
                ownership.group.remove()
        for pid, usage in usages.items():
            metered = self._metered.get(pid)
            if metered is None:
                self._sampler.forget(pid)
                continue
            metered.attempt.ownership.remember(usage.members)
            metered.attempt.on_sample(_message(metered, now, usage), usage.peak_memory_bytes)
            metered.at, metered.cpu_seconds = now, usage.cpu_seconds
        self._arm()


def _message(metered: _Metered, now: int, usage: Usage) -> event_pb2.Sample:
    seconds = max(now - metered.at, 1) / 1e9
    return event_pb2.Sample(
        processes=len(usage.members),
        cores=(usage.cpu_seconds - metered.cpu_seconds) / seconds,
        memory_bytes=usage.memory_bytes,
        read_bytes=usage.read_bytes,
        written_bytes=usage.written_bytes,
    )
