"""Finds the control groups of this process, in version 1, version 2 and mixed (hybrid) hierarchies.

Reads /proc/self/mountinfo for where each hierarchy is mounted and /proc/self/cgroup for where this process
is in it; see cgroups(7). Every function takes the root of the file system, so that tests can pass their own.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SYSTEM_ROOT = Path("/")
V2 = "cgroup2"
"""Name of the version 2 hierarchy instead of a controller; also its file system type."""
_PIECE_BYTES = 65_536
_ESCAPED = re.compile(r"\\([0-7]{3})")


class _Mount(NamedTuple):
    """A mounted hierarchy: `top` is the control group that its mount point shows."""

    folder: str
    top: str


def own_groups(name: str, root: Path = SYSTEM_ROOT) -> Iterator[Path]:
    """Yields the folder of this process's group in one hierarchy, then those of its mounted parents.

    `name` is a controller of version 1, such as `memory`, or `V2`. A folder may be missing: a container may
    see a path that exists only on its host.
    """
    path = _own_path(name, _read(root / "proc/self/cgroup") or "")
    if path is None:
        return
    for mount in _mounts(name, _read(root / "proc/self/mountinfo") or ""):
        below = _below(path, mount.top)
        if below is not None:
            folder = root / mount.folder.lstrip("/")
            yield folder / below
            if below:
                yield from (folder / parent for parent in Path(below).parents)
            return


def cpu_quota(root: Path = SYSTEM_ROOT) -> float | None:
    """Returns the smallest CPU quota that applies to this process, in cores; None if there is none."""
    quotas = [_quota_v2(folder) for folder in own_groups(V2, root)]
    quotas += [_quota_v1(folder) for folder in own_groups("cpu", root)]
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit(root: Path = SYSTEM_ROOT) -> int | None:
    """Returns the smallest memory limit that applies to this process, in bytes; None if there is none.

    Version 1 reports no limit as a number close to 2**63.
    """
    limits = [_read_number(folder / "memory.max") for folder in own_groups(V2, root)]
    for folder in own_groups("memory", root):
        limits.append(_read_number(folder / "memory.limit_in_bytes"))
        # This includes parents that are not mounted here, as in a container.
        limits.append(_read_entry(folder / "memory.stat", "hierarchical_memory_limit"))
    return min((limit for limit in limits if limit is not None), default=None)


def _quota_v2(folder: Path) -> float | None:
    words = (_read(folder / "cpu.max") or "").split()
    return _divide(words[0], words[1]) if len(words) == 2 else None


def _quota_v1(folder: Path) -> float | None:
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    return _divide(quota.strip(), period.strip()) if quota and period else None


def _divide(quota: str, period: str) -> float | None:
    """Returns a quota in cores; None for `max` and its form in version 1, -1."""
    if not (quota.isdecimal() and period.isdecimal() and int(period)):
        return None
    return int(quota) / int(period)


def _read_number(path: Path) -> int | None:
    text = (_read(path) or "").strip()
    return int(text) if text.isdecimal() else None


def _read_entry(path: Path, key: str) -> int | None:
    for line in (_read(path) or "").splitlines():
        name, _, value = line.partition(" ")
        if name == key and value.isdecimal():
            return int(value)
    return None


def _read(path: Path) -> str | None:
    # Unbuffered, because every start of a run reads these.
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    pieces: list[bytes] = []
    try:
        while piece := os.read(fd, _PIECE_BYTES):
            pieces.append(piece)
    except OSError:
        return None
    finally:
        os.close(fd)
    return b"".join(pieces).decode(errors="replace")


def _own_path(name: str, text: str) -> str | None:
    """Returns the path of a process's group within a hierarchy, by the text of /proc/PID/cgroup."""
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if name == V2 and number == "0" and not controllers:
            return path
        if name != V2 and name in controllers.split(","):
            return path
    return None


def _mounts(name: str, text: str) -> Iterator[_Mount]:
    """Yields where a hierarchy is mounted, by the text of /proc/PID/mountinfo, see proc(5)."""
    for line in text.splitlines():
        if " - cgroup" not in line:
            continue
        before, _, after = line.partition(" - ")
        mount, kind = before.split(" "), after.split(" ")
        if len(mount) < 6 or len(kind) < 3:
            continue
        if name in ({V2} if kind[0] == V2 else kind[2].split(",")):
            yield _Mount(_unescape(mount[4]), _unescape(mount[3]))


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


def _below(path: str, top: str) -> str | None:
    """Returns the path of a group relative to the group that is mounted, None if it is not below that."""
    parts, above = path.strip("/").split("/"), top.strip("/")
    # A process outside the root of its control group namespace sees a path that begins with `/..`.
    if ".." in parts:
        return None
    if not above:
        return path.strip("/")
    relative = os.path.relpath("/" + path.strip("/"), "/" + above)
    if relative == ".":
        return ""
    return None if relative.startswith("..") else relative
