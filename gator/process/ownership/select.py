"""Selects the processes of a job, a daemon or a run: by session, marks, birthmark, descent and adoption.

A process can escape any one of these, by setsid, by `env -i`, by a double fork, but hardly all of them. Works
on a snapshot; only `cheap_look` reads by itself.
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

NOBODY: Container[int] = frozenset[int]()
IsStray = Callable[[ProcessInfo, Ownership], bool]
"""Returns whether an adopted orphan without marks is assigned to a job."""

_helpers: set[int] = set()


def spare(pid: int) -> None:
    """Marks a child of this process as a helper, such as a guard, which is no orphan of a job."""
    _helpers.add(pid)


def select(
    snapshot: Snapshot,
    whose: Ownership,
    others: Container[int] = NOBODY,
    *,
    adopted_by: int | None = None,
    is_stray: IsStray | None = None,
) -> list[ProcessInfo]:
    """Returns the living processes that belong, the leader included, in order of their pids.

    `others` are processes that never belong, nor do their descendants: the
    leaders of other jobs, guards, daemons. `is_stray` is asked about orphans that a daemon adopted, whose
    pid is `adopted_by`, and that bear no sign of any job of the run.
    """
    processes = snapshot.processes
    roots = {pid for pid, info in processes.items() if whose.owns(snapshot, info)}
    if whose.group is not None:
        # Read after the pass: a pid that was reused meanwhile has a different start.
        roots |= {pid for pid in whose.group.pids() if pid in processes}
    barred = {os.getpid(), adopted_by, *_helpers}
    if is_stray is not None:
        children = [info for info in processes.values() if info.parent == adopted_by and not info.is_dead]
        roots |= {
            info.pid
            for info in children
            if info.pid not in others
            and info.pid not in barred
            and not whose.shares_run(snapshot.marks.get(info.pid), snapshot.births.get(info.pid, 0))
            and is_stray(info, whose)
        }
    roots |= _share_session(processes, roots, barred, whose)
    allowed = {pid for pid in roots if pid not in barred and (pid == whose.leader or pid not in others)}
    belonging = _descend(processes, allowed, barred, others)
    found = [processes[pid] for pid in sorted(belonging)]
    whose.sessions.update((info.pid, info.start_ticks) for info in found if info.session == info.pid)
    return [info for info in found if not info.is_dead]


def _share_session(
    processes: Mapping[int, ProcessInfo], members: set[int], barred: Container[int | None], whose: Ownership
) -> set[int]:
    """Returns the processes in sessions that members lead, or led until they died.

    A session whose leader lives and is no member is the terminal of a user who exported a mark; nor
    is the session of a barred process a job's.
    """
    led = {processes[pid].session for pid in members}
    led = {number for number in led if number and (number in members or number not in processes)}
    led -= {info.session for pid, info in processes.items() if pid in barred}
    for number in led - processes.keys():
        whose.sessions.setdefault(number, 0)
    return {pid for pid, info in processes.items() if info.session in led}


def _descend(
    processes: Mapping[int, ProcessInfo],
    roots: set[int],
    barred: Container[int | None],
    others: Container[int],
) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, info in processes.items():
        children.setdefault(info.parent, []).append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in found:
            continue
        found.add(pid)
        waiting += (child for child in children.get(pid, ()) if child not in barred and child not in others)
    return found


def cheap_look(whose: Ownership, expected: Container[int], is_stray: IsStray | None = None) -> bool:
    """Returns whether something of a job may live on after its leader, so that /proc must be looked through.

    Costs some 15 µs. Right because a daemon is a subreaper: whatever a dead leader leaves behind
    descends from a child of this process. `expected` are the children that are accounted for. `is_stray`
    is asked about orphans without signs; without it every one of these counts. Must be called in the main
    thread, to which orphans come.
    """
    own = os.getpid()
    try:
        if whose.group is not None and whose.group.is_populated():
            return True
        children = list_children_of_thread(own, own)
        if children is None:
            return True
        return any(
            _may_belong(pid, whose, is_stray)
            for pid in children
            if pid not in expected and pid not in _helpers
        )
    except OSError:
        # Out of descriptors: nothing can be said, so the pass, which waits for one, must tell.
        return True


def _may_belong(pid: int, whose: Ownership, is_stray: IsStray | None) -> bool:
    info = read_process(pid)
    if info is None or info.is_dead:
        return False
    if info.session == whose.leader or info.session in whose.sessions or whose.remembers(info):
        return True
    marks, birth = read_marks(pid), read_birthmark(pid)
    if whose.is_marked(marks, birth):
        return True
    # With marks of another attempt it belongs there; without marks it may belong to any.
    return not whose.shares_run(marks, birth) and (is_stray is None or is_stray(info, whose))


def name_all(processes: Iterable[ProcessInfo], most: int = 5) -> str:
    """Returns the names of processes for a message: `sleep (pid 12), make (pid 13) and 4 more`."""
    named = [str(process) for process in processes]
    shown = ", ".join(named[:most])
    return shown if len(named) <= most else f"{shown} and {len(named) - most} more"
