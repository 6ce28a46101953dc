"""Tracks the resources that an attempt uses, and warns when that is not what it asked for.

Invariant: there is one warning per episode, which ends when the use is back within the request.
"""

from gator.core.attempt.actions import Exit
from gator.core.attempt.results.conclusion import Times
from gator.units import size_text
from gator.v1 import attach_pb2, event_pb2

_MIN_NANOS = 500_000_000
"""Minimum time over which cores are judged: short pipes of two programs deserve no warning."""
_CORES_SLACK = 0.25
"""Tolerance in cores, because the clock ticks of the kernel are coarse."""
_FAR_LESS = 4
"""Factor between requested and used memory from which a request is far too large."""
_MIN_UNUSED_BYTES = 512 * 1024 * 1024
"""Minimum number of unused bytes that a warning is worth."""


class UsageMeter:
    """Resources used by one attempt so far."""

    __slots__ = (
        "_allowed",
        "_cores",
        "_cores_over",
        "_last",
        "_memory_over",
        "enforce",
        "memory_bytes",
        "peak_memory",
        "peak_processes",
    )

    def __init__(self, launch: attach_pb2.LaunchNode) -> None:
        resources = launch.job.resources
        self._cores = launch.cores
        self._allowed = resources.memory_bytes
        self.enforce = resources.enforce_memory and bool(self._allowed)
        self._cores_over = False
        self._last = 0
        self._memory_over = False
        self.memory_bytes = 0
        """Resident memory in bytes at the last sample."""
        self.peak_memory = 0
        self.peak_processes = 0

    def start(self, now: int) -> None:
        """Sets the start of the attempt, a monotonic time in nanoseconds."""
        self._last = now

    def add(self, now: int, sample: event_pb2.Sample, peak_memory: int) -> list[str]:
        """Adds a sample; returns warnings.

        `peak_memory` is the greatest known resident memory in bytes since the start.
        """
        self.memory_bytes = sample.memory_bytes
        self.peak_memory = max(self.peak_memory, peak_memory, sample.memory_bytes)
        self.peak_processes = max(self.peak_processes, sample.processes)
        warnings: list[str] = []
        over = bool(self._allowed) and sample.memory_bytes > self._allowed
        if over and not self._memory_over:
            warnings.append(
                f"uses {size_text(sample.memory_bytes)} of memory where it asked for "
                f"{size_text(self._allowed)} (ask for more with `!Memory`)"
            )
        self._memory_over = over
        if self._cores and now - self._last >= _MIN_NANOS:
            over = sample.cores > self._cores + _CORES_SLACK
            if over and not self._cores_over:
                warnings.append(
                    f"uses {sample.cores:.1f} cores where it was given {self._cores} "
                    "(ask for more with `!Cores`)"
                )
            self._cores_over = over
        self._last = now
        return warnings

    def excess(self) -> tuple[int, int] | None:
        """Returns the memory used and allowed, if the attempt must end for it; else None."""
        if self.enforce and self.memory_bytes > self._allowed:
            return self.memory_bytes, self._allowed
        return None

    def unused(self, usage: event_pb2.Usage) -> str:
        """Returns a warning if an attempt that passed needed far less memory than it asked for, else nothing.

        What it asked for was held the whole time, so other jobs waited for it.
        """
        used = usage.peak_memory_bytes
        if not used or used * _FAR_LESS > self._allowed or self._allowed - used < _MIN_UNUSED_BYTES:
            return ""
        return (
            f"used at most {size_text(used)} of memory where it asked for {size_text(self._allowed)} "
            "(ask for less with `!Memory`)"
        )

    def message(self, times: Times, ended: Exit | None) -> event_pb2.Usage:
        """Returns what the attempt used in total; `ended` is None if its leader was not reaped."""
        usage = event_pb2.Usage(wall_nanos=times.ended - times.started)
        if ended is not None:
            usage.user_nanos = ended.user_nanos
            usage.system_nanos = ended.system_nanos
        peak = max(self.peak_memory, ended.peak_memory if ended is not None else 0)
        if peak:
            usage.peak_memory_bytes = peak
        if self.peak_processes:
            usage.peak_processes = self.peak_processes
        return usage
