"""What this process may use of its host: the defaults of the pools.

The rule: what a cgroup or an affinity mask takes away is not there.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def cores_here() -> int:
    """Cores by affinity, capped by the cgroup's quota; at least 1."""
    cores = len(os.sched_getaffinity(0))
    for folder in _own_cgroups():
        try:
            quota, period = (folder / "cpu.max").read_text().split()
        except (OSError, ValueError):
            continue
        if quota != "max":
            cores = min(cores, max(1, math.floor(int(quota) / int(period))))
    return cores


def memory_here() -> int:
    """Bytes of memory of the host, capped by the cgroup's limit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for folder in _own_cgroups():
        try:
            limit = (folder / "memory.max").read_text().strip()
        except OSError:
            continue
        if limit != "max":
            memory = min(memory, int(limit))
    return memory


def _own_cgroups() -> Iterator[Path]:
    """The process's cgroup (version 2) and all above it, see cgroups(7)."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith("0::"):
            folder = _CGROUPS / line[3:].lstrip("/")
            while folder != _CGROUPS.parent:
                yield folder
                folder = folder.parent
