"""Assigns adopted orphans without marks to an attempt.

Such an orphan was left by one of the attempts that ran when it started. It is assigned to the last of these
whose leader ends; the others that have ended meanwhile wait until it is gone.
"""

import os

from msgspec import Struct

from gator.process.ownership.criteria import Ownership
from gator.process.ownership.guards import is_guard
from gator.process.procfs import ProcessInfo, list_children, read_process

_MAX_NOTED = 256
_MAX_NAMED = 10
_Key = tuple[int, int]


class _Noted(Struct, eq=False):
    """An orphan and the attempts that may have left it; some may have ended."""

    info: ProcessInfo
    candidates: list[Ownership]
    taken_by: Ownership | None = None


class Strays:
    """The orphans without marks adopted by process `own_pid`, and the attempts that it runs.

    Children that exist already are not orphans of its attempts: exec keeps the children of a shell. Neither
    are processes in its own session, which no job can enter.
    """

    __slots__ = ("_inherited", "_live", "_noted", "_session")

    def __init__(self, own_pid: int) -> None:
        self._live: dict[int, Ownership] = {}
        self._noted: dict[_Key, _Noted] = {}
        self._session = os.getsid(own_pid)
        children = [read_process(pid) for pid in list_children(own_pid) or ()]
        self._inherited = {(child.pid, child.start_ticks) for child in children if child is not None}

    def add(self, whose: Ownership) -> None:
        """Adds an attempt that has started."""
        self._live[whose.leader] = whose

    def remove(self, whose: Ownership) -> None:
        """Removes an attempt that has no known living process."""
        if self._live.get(whose.leader) is whose:
            del self._live[whose.leader]

    def is_left_to(self, info: ProcessInfo, whose: Ownership) -> bool:
        """Returns whether an orphan without marks is assigned to this attempt, which then claims it."""
        if info.session == self._session or (info.pid, info.start_ticks) in self._inherited:
            return False
        if is_guard(info.pid):
            # A guard of a dead daemon, or of a run within a job.
            return False
        if whose.takes_all:
            return True
        noted = self._note(info)
        if whose not in noted.candidates:
            return False
        if any(not other.leader_reaped for other in noted.candidates if other is not whose):
            return False
        if noted.taken_by is None or not self._is_live(noted.taken_by):
            noted.taken_by = whose
        return noted.taken_by is whose

    def awaits(self, whose: Ownership) -> bool:
        """Returns whether another attempt is currently ending an orphan that this one may have left."""
        return any(
            noted.taken_by is not None
            and noted.taken_by is not whose
            and whose in noted.candidates
            and self._is_live(noted.taken_by)
            and _lives(noted.info)
            for noted in self._noted.values()
        )

    def describe(self, info: ProcessInfo, whose: Ownership) -> str:
        """Returns the name of a process and of the other attempts that it may belong to."""
        noted = self._noted.get((info.pid, info.start_ticks))
        if noted is None:
            return str(info)
        names = [other.name for other in noted.candidates if other is not whose]
        if not names:
            return str(info)
        if len(names) > _MAX_NAMED:
            names = [*names[:_MAX_NAMED], f"{len(names) - _MAX_NAMED} more"]
        return f"{info.name} (pid {info.pid}, of this job or of {' or '.join(names)})"

    def _note(self, info: ProcessInfo) -> _Noted:
        key = info.pid, info.start_ticks
        noted = self._noted.get(key)
        if noted is None:
            if len(self._noted) >= _MAX_NOTED:
                self._noted = {key: noted for key, noted in self._noted.items() if _lives(noted.info)}
            noted = self._noted[key] = _Noted(info, self._candidates(info))
        return noted

    def _candidates(self, info: ProcessInfo) -> list[Ownership]:
        """Returns the attempts that may have left an orphan: they ran at its start or left its parent."""
        earlier = [noted for noted in self._noted.values() if noted.info.start_ticks <= info.start_ticks]
        same = [noted for noted in earlier if noted.info.session == info.session]
        if same:
            return same[0].candidates
        found = dict.fromkeys(whose for whose in self._live.values() if whose.since <= info.start_ticks)
        # It may be a child of an orphan whose attempts have ended.
        found |= dict.fromkeys(whose for noted in earlier for whose in noted.candidates)
        return list(found)

    def _is_live(self, whose: Ownership) -> bool:
        return self._live.get(whose.leader) is whose


def _lives(info: ProcessInfo) -> bool:
    now = read_process(info.pid)
    return now is not None and now.start_ticks == info.start_ticks and not now.is_dead
