"""Where the memory controller is delegated, the groups of attempts get limits on their memory.

The hierarchy is one of plain files, because a controller belongs to one hierarchy of the whole host.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gator.process.ownership.attempt_cgroups import Group, Groups
from gator.process.procfs import ProcessInfo, read_process

FILES = (
    "cgroup.procs",
    "cgroup.kill",
    "memory.max",
    "memory.oom.group",
    "memory.swap.max",
    "memory.events",
    "memory.peak",
)
LIMIT = 64_000_000


class Hierarchy:
    """A slice with the memory controller, and a scope with this process in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.slice = root / "sys/fs/cgroup/app.slice"
        self.scope = self.slice / "run.scope"
        self.scope.mkdir(parents=True)
        self.give("memory pids")
        (self.scope / "cgroup.subtree_control").write_text("")
        for folder in (self.slice, self.scope):
            (folder / "cgroup.procs").write_text("")
        (root / "proc/self").mkdir(parents=True)
        (root / "proc/self/mountinfo").write_text("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
        (root / "proc/self/cgroup").write_text("0::/app.slice/run.scope\n")
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line[:3] == "0::")
        (root / f"proc/{os.getpid()}").mkdir()
        (root / f"proc/{os.getpid()}/cgroup").write_text(f"{own}\n")

    def give(self, controllers: str) -> None:
        (self.slice / "cgroup.subtree_control").write_text(controllers)

    def read(self, group: Group, name: str) -> str:
        return (Path(group.folder) / name).read_text()


@pytest.fixture
def hierarchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hierarchy]:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    if not any(line.startswith("0::") for line in lines):
        pytest.skip("needs a kernel with control groups of version 2")
    made = Hierarchy(tmp_path)
    plain = os.mkdir

    def mkdir(path: str, mode: int = 0o777) -> None:
        plain(path, mode)
        for name in FILES:
            (Path(path) / name).write_text("")

    monkeypatch.setattr(os, "mkdir", mkdir)
    yield made


def me() -> ProcessInfo:
    found = read_process(os.getpid())
    assert found is not None
    return found


def test_a_group_with_a_limit_is_made_beside_that_of_the_daemon(hierarchy: Hierarchy) -> None:
    group = Groups("r", "w1", hierarchy.root).place(None, [me()], LIMIT)
    assert group is not None
    assert Path(group.folder).parent == hierarchy.slice
    assert group.memory_max == LIMIT
    assert hierarchy.read(group, "memory.max") == str(LIMIT)
    assert hierarchy.read(group, "memory.oom.group") == "1"
    assert hierarchy.read(group, "memory.swap.max") == "0"
    assert hierarchy.read(group, "cgroup.procs") == str(os.getpid())


def test_an_attempt_without_a_limit_has_its_group_below_that_of_the_daemon(hierarchy: Hierarchy) -> None:
    group = Groups("r", "w1", hierarchy.root).place(None, [me()])
    assert group is not None
    assert Path(group.folder).parent == hierarchy.scope
    assert group.memory_max == 0


def test_without_the_controller_there_is_a_group_without_a_limit(hierarchy: Hierarchy) -> None:
    hierarchy.give("cpu pids")
    group = Groups("r", "w1", hierarchy.root).place(None, [me()], LIMIT)
    assert group is not None
    assert Path(group.folder).parent == hierarchy.scope
    assert group.memory_max == 0
    assert group.memory_at_kill() is None


def test_a_limit_that_the_kernel_refuses_leaves_no_group_behind(
    hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.FILES", ("cgroup.procs", "cgroup.kill"))
    groups = Groups("r", "w1", hierarchy.root)
    removed: list[str] = []

    def remove(group: Group) -> None:
        removed.append(group.folder)

    monkeypatch.setattr(Group, "remove", remove)
    group = groups.place(None, [me()], LIMIT)
    assert group is not None
    assert group.memory_max == 0
    assert [Path(folder).parent for folder in removed] == [hierarchy.slice]


def test_a_kill_at_the_limit_is_known_with_its_peak(tmp_path: Path) -> None:
    group = Group(str(tmp_path), LIMIT)
    assert group.memory_at_kill() is None
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 0\n")
    assert group.memory_at_kill() is None
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n")
    assert group.memory_at_kill() == LIMIT
    (tmp_path / "memory.peak").write_text("64000123\n")
    assert group.memory_at_kill() == 64_000_123
