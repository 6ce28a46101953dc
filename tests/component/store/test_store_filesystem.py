import os
from pathlib import Path

from gator.store.filesystem import is_local, type_of

MOUNTS = r"""
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:5 / /home rw - nfs4 server:/home rw
23 22 0:6 / /home/with\040blank rw shared:3 master:1 - xfs /dev/vdb rw
24 21 0:7 / /mnt rw - tmpfs tmpfs rw
25 21 0:8 / /mnt rw - fuse.sshfs me@there: rw
26 21 0:9 / /homely rw - lustre a@tcp:/x rw
"""


def test_the_nearest_and_newest_mount_counts(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.lstrip())
    expected = {
        "/": "ext4",
        "/var/x": "ext4",
        "/home": "nfs4",
        "/home/me/run": "nfs4",
        "/home/with blank/run": "xfs",
        "/homes": "ext4",
        "/homely/x": "lustre",
        "/mnt/x": "fuse.sshfs",
    }
    assert {path: type_of(Path(path), mounts) for path in expected} == expected
    assert is_local(Path("/var"), mounts)
    assert not is_local(Path("/home"), mounts)


def test_what_cannot_be_told_is_not_local(tmp_path: Path) -> None:
    assert not is_local(tmp_path, tmp_path / "missing")


def test_without_a_visible_mount_point_a_folder_on_a_block_device_is_local(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("24 21 0:7 / /nowhere rw - proc proc rw\n")
    assert is_local(tmp_path, mounts) == (os.major(tmp_path.stat().st_dev) != 0)
    # The memory of a process is in no file system of a device.
    assert not is_local(Path("/proc/self"), mounts)


def test_this_machine_has_a_root() -> None:
    assert type_of(Path("/"))
