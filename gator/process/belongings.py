"""What belongs to a job, or to a whole daemon or run: by session, by marks, by descent, by adoption.

Any one of these can be shaken off, by setsid, by `env -i`, by a double fork; hardly all of them. Decides
on what was read before; only `cheap_look` reads by itself.
"""

import os
from collections.abc import Container, Iterable, Mapping

from gator.process.procfs import (
    ProcessInfo,
    Snapshot,
    list_children_of_thread,
    read_marks,
    read_process,
)

NOBODY: Container[int] = frozenset[int]()

_helpers: set[int] = set()


def spare(pid: int) -> None:
    """Never take a child of this process for an orphan of a job: it is a helper of its own, as a guard."""
    _helpers.add(pid)


class Belonging:
    """Whose processes are meant; one for each job, from its start to its end.

    `leader` is the pid that leads the session, 0 if there is none; `marks` are those that a process
    must carry to belong, all of them. Set `leader_reaped` when that is so: from then on a process with
    that pid is another. Sessions that members were seen to lead are remembered: a member may die
    before what it has just started is seen.
    """

    __slots__ = ("leader", "leader_reaped", "marks", "sessions")

    def __init__(self, leader: int, marks: Mapping[str, str], leader_reaped: bool = False) -> None:
        self.leader = leader
        self.marks = marks
        self.leader_reaped = leader_reaped
        self.sessions: dict[int, int] = {}
        """By number the start of the leader in ticks, 0 where it was never seen alive."""

    def owns(self, snapshot: Snapshot, process: ProcessInfo) -> bool:
        """Whether a process belongs by its session or by its marks."""
        number = process.session
        now = snapshot.processes.get(number)
        if number and number == self.leader:
            # A living process with the pid of a reaped leader leads a session of its own by the same number.
            return now is None or not self.leader_reaped
        if number in self.sessions and (now is None or now.start_ticks == self.sessions[number]):
            return True
        marks = snapshot.marks.get(process.pid)
        return bool(marks and self.marks) and carries(marks or {}, self.marks)


def select(
    snapshot: Snapshot,
    whose: Belonging,
    others: Container[int] = NOBODY,
    *,
    strays_of: int | None = None,
) -> list[ProcessInfo]:
    """The living processes that belong, the leader included, in order of their pids.

    `others` are processes that never belong, nor what descends from them through nobody else: the
    leaders of other jobs, guards, daemons. With `strays_of`, a daemon's pid, orphans that it adopted
    and that bear no sign of anybody are taken too; only right when no other job of the daemon runs.
    """
    processes = snapshot.processes
    roots = {pid for pid, info in processes.items() if whose.owns(snapshot, info)}
    if strays_of is not None:
        signless = (info for info in processes.values() if not snapshot.marks.get(info.pid))
        roots |= {info.pid for info in signless if info.parent == strays_of}
    barred = {os.getpid(), strays_of, *_helpers}
    roots |= _share_session(processes, roots, barred, whose)
    allowed = {pid for pid in roots if pid not in barred and (pid == whose.leader or pid not in others)}
    belonging = _descend(processes, allowed, barred, others)
    found = [processes[pid] for pid in sorted(belonging)]
    whose.sessions.update((info.pid, info.start_ticks) for info in found if info.session == info.pid)
    return [info for info in found if not info.is_dead]


def carries(marks: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all the wanted marks are there with these values."""
    return all(marks.get(name) == value for name, value in wanted.items())


def _share_session(
    processes: Mapping[int, ProcessInfo], members: set[int], barred: Container[int | None], whose: Belonging
) -> set[int]:
    """Those in sessions that members lead, or led until they died.

    A session whose leader lives and is no member is somebody's terminal, where a mark was exported; nor
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


def cheap_look(whose: Belonging, expected: Container[int]) -> bool:
    """Whether something of a job whose leader was reaped may live, so that /proc must be looked through.

    Costs some 15 µs. Right because a daemon is a subreaper: whatever a dead leader leaves behind
    descends from a child of this process. `expected` are the children that are accounted for. Must be
    called in the main thread, to which orphans come.
    """
    own = os.getpid()
    try:
        children = list_children_of_thread(own, own)
        if children is None:
            return True
        return any(_may_belong(pid, whose) for pid in children if pid not in expected and pid not in _helpers)
    except OSError:
        # Out of descriptors: nothing can be said, so the pass, which waits for one, must tell.
        return True


def _may_belong(pid: int, whose: Belonging) -> bool:
    info = read_process(pid)
    if info is None or info.is_dead:
        return False
    if info.session == whose.leader:
        return True
    marks = read_marks(pid)
    # Without marks it may be anybody's; with those of another attempt it is not this one's.
    return not marks or carries(marks, whose.marks)


def name_all(processes: Iterable[ProcessInfo], most: int = 5) -> str:
    """Name processes for a message: `sleep (pid 12), make (pid 13) and 4 more`."""
    named = [str(process) for process in processes]
    shown = ", ".join(named[:most])
    return shown if len(named) <= most else f"{shown} and {len(named) - most} more"
