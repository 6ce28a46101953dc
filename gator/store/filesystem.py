"""Whether a folder lies on a disk of this host, where locks and shared memory between processes work.

Invariant: what is not known to be local is treated as remote.
"""

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

_LOCAL = frozenset(
    ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "reiserfs", "tmpfs")
) | {"xfs", "zfs"}

_ESCAPED = re.compile(r"\\([0-7]{3})")


def is_local(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Returns whether the file system of an existing folder is a local one."""
    kind = type_of(folder, mounts)
    if kind or not mounts.exists():
        return kind in _LOCAL
    # In a chroot the mount point may be invisible. A file system with a major number has a block device of
    # this host; those of a network have none, see stat(2) and the kernel's devices.txt.
    return os.major(folder.stat().st_dev) != 0


def type_of(folder: Path, mounts: Path = MOUNTS) -> str:
    """Returns the type of a folder's file system, as the kernel names it; empty if unknown."""
    real = os.path.realpath(folder)
    kind, longest = "", -1
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        # See proc(5): field 5 is the mount point; the type follows a single dash.
        before, _, after = line.partition(" - ")
        point = _ESCAPED.sub(_unescaped, before.split(" ")[4])
        within = real == point or real.startswith(point.rstrip("/") + "/")
        # A later mount on the same point hides the one before.
        if within and len(point) >= longest:
            kind, longest = after.split(" ")[0], len(point)
    return kind


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 8))
