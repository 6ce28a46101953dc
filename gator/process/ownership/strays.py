"""Assigns adopted orphans without marks to an attempt.

Such an orphan was left by one of the attempts that ran when it started. It is assigned to the last of these
whose leader ends; the others that have ended meanwhile wait until it is gone.
"""

import os

from msgspec import Struct

from gator.process.ownership.criteria import Ownership
from gator.process.ownership.guards import is_guard
from gator.process.procfs import ProcessInfo, list_children, read_process

_MAX_ORPHANS = 256
_MAX_NAMED = 10
_Key = tuple[int, int]


class _Orphan(Struct, eq=False):
    """An orphan and the attempts that may have left it; some may have ended."""

    info: ProcessInfo
    candidates: list[Ownership]
    claimed_by: Ownership | None = None


class Strays:
    """The orphans without marks adopted by process `own_pid`, and the attempts that it runs.

    Children that exist already are not orphans of its attempts: exec keeps the children of a shell. Neither
    are processes in its own session, which no job can enter.
    """

    __slots__ = ("_inherited", "_live", "_orphans", "_session")

    def __init__(self, own_pid: int) -> None:
        self._live: dict[int, Ownership] = {}
        self._orphans: dict[_Key, _Orphan] = {}
        self._session = os.getsid(own_pid)
        children = [read_process(pid) for pid in list_children(own_pid) or ()]
        self._inherited = {(child.pid, child.start_ticks) for child in children if child is not None}

    def add(self, ownership: Ownership) -> None:
        """Adds an attempt that has started."""
        self._live[ownership.leader] = ownership

    def remove(self, ownership: Ownership) -> None:
        """Removes an attempt that has no known living process."""
        if self._live.get(ownership.leader) is ownership:
            del self._live[ownership.leader]

    def is_assigned_to(self, info: ProcessInfo, ownership: Ownership) -> bool:
        """Returns whether an orphan without marks is assigned to this attempt, which then claims it."""
        if info.session == self._session or (info.pid, info.start_ticks) in self._inherited:
            return False
        if is_guard(info.pid):
            # A guard of a dead daemon, or of a run within a job.
            return False
        if ownership.claims_all:
            return True
        orphan = self._orphan_of(info)
        if ownership not in orphan.candidates:
            return False
        if any(not other.leader_reaped for other in orphan.candidates if other is not ownership):
            return False
        if orphan.claimed_by is None or not self._is_live(orphan.claimed_by):
            orphan.claimed_by = ownership
        return orphan.claimed_by is ownership

    def awaits(self, ownership: Ownership) -> bool:
        """Returns whether another attempt is currently ending an orphan that this one may have left."""
        return any(
            orphan.claimed_by is not None
            and orphan.claimed_by is not ownership
            and ownership in orphan.candidates
            and self._is_live(orphan.claimed_by)
            and _lives(orphan.info)
            for orphan in self._orphans.values()
        )

    def describe(self, info: ProcessInfo, ownership: Ownership) -> str:
        """Returns the name of a process and of the other attempts that it may belong to."""
        orphan = self._orphans.get((info.pid, info.start_ticks))
        if orphan is None:
            return str(info)
        names = [other.name for other in orphan.candidates if other is not ownership]
        if not names:
            return str(info)
        if len(names) > _MAX_NAMED:
            names = [*names[:_MAX_NAMED], f"{len(names) - _MAX_NAMED} more"]
        return f"{info.name} (pid {info.pid}, of this job or of {' or '.join(names)})"

    def _orphan_of(self, info: ProcessInfo) -> _Orphan:
        key = info.pid, info.start_ticks
        orphan = self._orphans.get(key)
        if orphan is None:
            if len(self._orphans) >= _MAX_ORPHANS:
                self._orphans = {key: orphan for key, orphan in self._orphans.items() if _lives(orphan.info)}
            orphan = self._orphans[key] = _Orphan(info, self._candidates(info))
        return orphan

    def _candidates(self, info: ProcessInfo) -> list[Ownership]:
        """Returns the attempts that may have left an orphan: they ran at its start or left its parent."""
        earlier = [orphan for orphan in self._orphans.values() if orphan.info.start_ticks <= info.start_ticks]
        same = [orphan for orphan in earlier if orphan.info.session == info.session]
        if same:
            return same[0].candidates
        candidates = dict.fromkeys(
            ownership for ownership in self._live.values() if ownership.since <= info.start_ticks
        )
        # It may be a child of an orphan whose attempts have ended.
        candidates |= dict.fromkeys(ownership for orphan in earlier for ownership in orphan.candidates)
        return list(candidates)

    def _is_live(self, ownership: Ownership) -> bool:
        return self._live.get(ownership.leader) is ownership


def _lives(info: ProcessInfo) -> bool:
    now = read_process(info.pid)
    return now is not None and now.start_ticks == info.start_ticks and not now.is_dead
