"""The resources that this process may use of its host: the defaults of the pools.

Invariant: resources withheld by a control group or an affinity mask are not offered to jobs.
"""

import os
from pathlib import Path

from gator.process.cgroups import SYSTEM_ROOT, cpu_quota, memory_limit


def cores_here(root: Path = SYSTEM_ROOT) -> int:
    """Returns the cores by affinity, capped by the control group's quota; at least 1."""
    cores = len(os.sched_getaffinity(0))
    quota = cpu_quota(root)
    return cores if quota is None else min(cores, max(1, int(quota)))


def memory_here(root: Path = SYSTEM_ROOT) -> int:
    """Returns the bytes of memory of the host, capped by the control group's limit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = memory_limit(root)
    return memory if limit is None else min(memory, limit)
