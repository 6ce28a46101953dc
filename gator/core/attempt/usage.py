"""What one attempt uses: its samples, its peaks, and when it uses more than it asked for.

Rule: one warning per episode; an episode ends when the use is back within what was asked for.
"""

from gator.core.attempt.actions import Exit
from gator.core.attempt.conclusion import Times
from gator.units import size_text
from gator.v1 import attach_pb2, event_pb2

_SHORTEST_NANOS = 500_000_000
"""Cores over a shorter time are not judged: two programs of a pipe that ends at once are worth no warning."""
_CORES_SLACK = 0.25
"""Cores above those given that are not worth a warning: the clock ticks of the kernel are coarse."""


class UsageMeter:
    """Watches the samples of an attempt."""

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
        """Resident memory at the last sample."""
        self.peak_memory = 0
        self.peak_processes = 0

    def start(self, now: int) -> None:
        """The attempt starts at this monotonic time in nanoseconds."""
        self._last = now

    def add(self, now: int, sample: event_pb2.Sample, peak_memory: int) -> list[str]:
        """Take a sample; return what is to be warned of.

        `peak_memory` is the greatest resident memory in bytes that is known of since the start.
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
        if self._cores and now - self._last >= _SHORTEST_NANOS:
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
        """Memory used and allowed, if the attempt must end for it."""
        if self.enforce and self.memory_bytes > self._allowed:
            return self.memory_bytes, self._allowed
        return None

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
