"""Limits of control groups are found in every layout that hosts and containers have."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gator.cli.launch.host_resources import cores_here, memory_here
from gator.process.cgroups import V2, cpu_quota, memory_limit, own_groups

MIB = 1024 * 1024
NO_LIMIT = "9223372036854771712"
"""What version 1 reports where there is no limit of memory."""
V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
CPU_MOUNT = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct"
MEMORY_MOUNT = "36 31 0:33 / /sys/fs/cgroup/memory rw shared:16 master:2 - cgroup cgroup rw,memory"
UNIFIED_MOUNT = "42 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
SYSTEMD_MOUNT = "41 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd"
V1 = (SYSTEMD_MOUNT, CPU_MOUNT, MEMORY_MOUNT)


@pytest.fixture
def host(tmp_path: Path) -> "Host":
    return Host(tmp_path)


class Host:
    """A root of a file system in which mounts, memberships and limits are written down."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, mounts: tuple[str, ...], groups: tuple[str, ...], files: Mapping[str, str]) -> None:
        other = "23 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw"
        self._write("proc/self/mountinfo", "\n".join([other, *mounts]))
        self._write("proc/self/cgroup", "\n".join(groups))
        for name, text in files.items():
            self._write(f"sys/fs/cgroup/{name}", text)

    def _write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def test_limits_of_version_2_are_read(host: Host) -> None:
    host.has((V2_MOUNT,), ("0::/a/b",), {"a/b/cpu.max": "150000 100000", "a/b/memory.max": str(64 * MIB)})
    assert cpu_quota(host.root) == 1.5
    assert memory_limit(host.root) == 64 * MIB
    assert memory_here(host.root) == 64 * MIB


def test_limits_of_version_1_are_read(host: Host) -> None:
    host.has(
        V1,
        ("9:name=systemd:/", "4:memory:/gator", "1:cpuacct,cpu:/gator"),
        {
            "cpu,cpuacct/gator/cpu.cfs_quota_us": "50000",
            "cpu,cpuacct/gator/cpu.cfs_period_us": "100000",
            "memory/gator/memory.limit_in_bytes": str(300 * MIB),
        },
    )
    assert cpu_quota(host.root) == 0.5
    assert cores_here(host.root) == 1
    assert memory_here(host.root) == 300 * MIB


def test_a_hybrid_host_has_limits_in_version_1_beside_a_version_2_that_has_none(host: Host) -> None:
    host.has(
        (*V1, UNIFIED_MOUNT),
        ("4:memory:/user.slice", "1:cpu,cpuacct:/user.slice", "0::/user.slice/session-1.scope"),
        {
            "unified/user.slice/session-1.scope/cgroup.procs": "1",
            "cpu,cpuacct/user.slice/cpu.cfs_quota_us": "300000",
            "cpu,cpuacct/user.slice/cpu.cfs_period_us": "100000",
            "memory/user.slice/memory.limit_in_bytes": str(512 * MIB),
        },
    )
    assert cpu_quota(host.root) == 3
    assert memory_limit(host.root) == 512 * MIB


@pytest.mark.parametrize(
    ("mounts", "groups", "files"),
    [
        pytest.param(
            (V2_MOUNT,),
            ("0::/a/b/c",),
            {
                "a/cpu.max": "200000 100000",
                "a/b/cpu.max": "400000 100000",
                "a/b/c/cpu.max": "max 100000",
                "a/memory.max": str(100 * MIB),
                "a/b/memory.max": str(900 * MIB),
                "a/b/c/memory.max": "max",
            },
            id="version 2",
        ),
        pytest.param(
            V1,
            ("4:memory:/a/b", "1:cpu,cpuacct:/a/b"),
            {
                "cpu,cpuacct/a/cpu.cfs_quota_us": "200000",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000",
                "cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1",
                "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000",
                "memory/a/memory.limit_in_bytes": str(100 * MIB),
                "memory/a/b/memory.limit_in_bytes": NO_LIMIT,
            },
            id="version 1",
        ),
        pytest.param(
            V1,
            ("4:memory:/", "1:cpu,cpuacct:/"),
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "200000",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": NO_LIMIT,
                "memory/memory.stat": f"cache 1\nhierarchical_memory_limit {100 * MIB}\nrss 2",
            },
            id="version 1, the parent not mounted",
        ),
    ],
)
def test_limits_of_parents_hold_too(
    host: Host, mounts: tuple[str, ...], groups: tuple[str, ...], files: Mapping[str, str]
) -> None:
    host.has(mounts, groups, files)
    assert cpu_quota(host.root) == 2
    assert memory_limit(host.root) == 100 * MIB


def test_no_limit_leaves_the_whole_host(host: Host) -> None:
    host.has((V2_MOUNT,), ("0::/a",), {"a/cpu.max": "max 100000", "a/memory.max": "max"})
    assert cpu_quota(host.root) is None
    assert memory_limit(host.root) is None
    host.has(
        V1,
        ("4:memory:/a", "1:cpu,cpuacct:/a"),
        {
            "cpu,cpuacct/a/cpu.cfs_quota_us": "-1",
            "cpu,cpuacct/a/cpu.cfs_period_us": "100000",
            "memory/a/memory.limit_in_bytes": NO_LIMIT,
        },
    )
    assert cpu_quota(host.root) is None
    assert memory_here(host.root) > 64 * MIB


def test_a_container_shows_only_its_own_group_at_the_mount_point(host: Host) -> None:
    mounts = tuple(
        mount.replace(" / /sys", " /docker/af\\04012 /sys", 1) for mount in (CPU_MOUNT, MEMORY_MOUNT)
    )
    host.has(
        mounts,
        ("4:memory:/docker/af 12", "1:cpu,cpuacct:/docker/af 12/inner"),
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "100000",
            "cpu,cpuacct/cpu.cfs_period_us": "50000",
            "memory/memory.limit_in_bytes": str(128 * MIB),
        },
    )
    assert cpu_quota(host.root) == 2
    assert memory_limit(host.root) == 128 * MIB


def test_a_path_that_only_the_host_has_is_looked_for_upwards(host: Host) -> None:
    host.has((V2_MOUNT,), ("0::/system.slice/docker-af12.scope",), {"memory.max": str(128 * MIB)})
    assert memory_limit(host.root) == 128 * MIB


def test_the_mount_that_shows_the_own_group_is_taken_among_several(host: Host) -> None:
    elsewhere = V2_MOUNT.replace(" / /sys/fs/cgroup", " /other /mnt/other")
    odd = V2_MOUNT.replace("/sys/fs/cgroup", "/sys/fs/cgroup/with\\040space")
    host.has((elsewhere, odd), ("0::/a",), {"with space/a/memory.max": str(MIB)})
    assert memory_limit(host.root) == MIB
    assert next(own_groups(V2, host.root)) == host.root / "sys/fs/cgroup/with space/a"


@pytest.mark.parametrize("path", ["/../..", "/../sibling"])
def test_a_process_outside_the_mounted_tree_has_no_group_there(host: Host, path: str) -> None:
    host.has((V2_MOUNT,), (f"0::{path}",), {"memory.max": "1", "sibling/memory.max": "2"})
    assert memory_limit(host.root) is None


@pytest.mark.parametrize("text", ["", "x", "1 0", "max", "0x10 5", "-5 10"])
def test_a_limit_that_cannot_be_read_is_ignored(host: Host, text: str) -> None:
    host.has((V2_MOUNT,), ("0::/",), {"cpu.max": text, "memory.max": f"{text} B"})
    assert cpu_quota(host.root) is None
    assert memory_limit(host.root) is None


def test_a_host_without_proc_has_no_limits(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert memory_limit(tmp_path) is None
