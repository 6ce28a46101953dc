"""Selects the processes of a job, a daemon or a run: by session, marks, birthmark, descent and adoption.

A process can escape any one of these, by setsid, by `env -i`, by a double fork, but hardly all of them. Works
on a snapshot; only `may_have_leftovers` reads /proc itself.
"""

import os
from collections.abc import Callable, Container, Iterable, Mapping

from gator.process.ownership.criteria import Ownership
from gator.process.procfs import (
    ProcessInfo,
    Snapshot,
    list_children_of_thread,
    read_birthmark,
    read_marks,
    read_process,
)
from gator.units import some_of

NO_PROCESSES: Container[int] = frozenset[int]()
IsStray = Callable[[ProcessInfo, Ownership], bool]
"""Returns whether an adopted orphan without marks is assigned to a job."""

_helpers: set[int] = set()


def register_helper(pid: int) -> None:
    """Registers a child of this process as a helper, such as a guard, which is not an orphan of a job."""
    _helpers.add(pid)


def is_helper(pid: int) -> bool:
    """Returns whether this pid is that of a registered helper."""
    return pid in _helpers


def unregister_helper(pid: int) -> None:
    """Unregisters a helper that was reaped: a process of a job may have its pid from now on."""
    _helpers.discard(pid)


def select(
    snapshot: Snapshot,
    ownership: Ownership,
    others: Container[int] = NO_PROCESSES,
    *,
    adopted_by: int | None = None,
    is_stray: IsStray | None = None,
) -> list[ProcessInfo]:
    """Returns the living processes of a job, its leader included, in order of their pids.

    `others` are processes that never belong, nor do their descendants: the leaders of other jobs, guards,
    daemons. `is_stray` decides on orphans without any mark of the run that the process `adopted_by` adopted.
    """
    processes = snapshot.processes
    roots = {pid for pid, info in processes.items() if ownership.owns(snapshot, info)}
    if ownership.group is not None:
        # Read after the pass: a pid that was reused meanwhile has a different start.
        roots |= {pid for pid in ownership.group.pids() if pid in processes}
    excluded = {os.getpid(), adopted_by, *_helpers}
    if is_stray is not None:
        children = [info for info in processes.values() if info.parent == adopted_by and not info.is_dead]
        roots |= {
            info.pid
            for info in children
            if info.pid not in others
            and info.pid not in excluded
            and not ownership.shares_run(snapshot.marks.get(info.pid), snapshot.birthmarks.get(info.pid, 0))
            and is_stray(info, ownership)
        }
    roots |= _share_session(processes, roots, excluded, ownership)
    allowed = {pid for pid in roots if pid not in excluded and (pid == ownership.leader or pid not in others)}
    found_pids = _descend(processes, allowed, excluded, others)
    infos = [processes[pid] for pid in sorted(found_pids)]
    ownership.sessions.update((info.pid, info.start_ticks) for info in infos if info.session == info.pid)
    return [info for info in infos if not info.is_dead]


def _share_session(
    processes: Mapping[int, ProcessInfo],
    members: set[int],
    excluded: Container[int | None],
    ownership: Ownership,
) -> set[int]:
    """Returns the processes in sessions that members lead, or led until they died.

    A session whose leader lives and is not a member is the terminal of a user who exported a mark. The
    session of an excluded process does not belong to a job either.
    """
    led = {processes[pid].session for pid in members}
    led = {number for number in led if number and (number in members or number not in processes)}
    led -= {info.session for pid, info in processes.items() if pid in excluded}
    for number in led - processes.keys():
        ownership.sessions.setdefault(number, 0)
    return {pid for pid, info in processes.items() if info.session in led}


def _descend(
    processes: Mapping[int, ProcessInfo],
    roots: set[int],
    excluded: Container[int | None],
    others: Container[int],
) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, info in processes.items():
        children.setdefault(info.parent, []).append(pid)
    pids: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in pids:
            continue
        pids.add(pid)
        waiting += (child for child in children.get(pid, ()) if child not in excluded and child not in others)
    return pids


def may_have_leftovers(
    ownership: Ownership, expected: Container[int], is_stray: IsStray | None = None
) -> bool:
    """Returns whether processes of a job may live after its leader, so that a pass over /proc is needed.

    Takes about 15 µs. It suffices because a daemon is a subreaper: the processes that a dead leader leaves
    descend from a child of this process. `expected` are the known children. `is_stray` decides on orphans
    without marks; without it each of them counts. Must be called in the main thread, which adopts orphans.
    """
    own = os.getpid()
    try:
        if ownership.group is not None and ownership.group.is_populated():
            return True
        children = list_children_of_thread(own, own)
        if children is None:
            return True
        return any(
            _may_belong(pid, ownership, is_stray)
            for pid in children
            if pid not in expected and not is_helper(pid)
        )
    except OSError:
        # Without free descriptors nothing is known; the pass waits for one.
        return True


def _may_belong(pid: int, ownership: Ownership, is_stray: IsStray | None) -> bool:
    info = read_process(pid)
    if info is None or info.is_dead:
        return False
    if info.session == ownership.leader or info.session in ownership.sessions or ownership.remembers(info):
        return True
    marks, birthmark = read_marks(pid), read_birthmark(pid)
    if ownership.is_marked(marks, birthmark):
        return True
    # With marks of another attempt it belongs there; without marks it may belong to any.
    return not ownership.shares_run(marks, birthmark) and (is_stray is None or is_stray(info, ownership))


def name_all(processes: Iterable[ProcessInfo], maximum: int = 5) -> str:
    """Returns the names of processes for a message: `sleep (pid 12), make (pid 13) and 4 more`."""
    return some_of(list(map(str, processes)), maximum)
