"""Finds out whether the kernel has ended processes for lack of memory."""

from pathlib import Path


def count_oom_kills() -> int:
    """Returns how many processes the kernel has ended for lack of memory; 0 if that is unknown."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0
