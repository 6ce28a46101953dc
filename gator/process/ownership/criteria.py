"""The criteria by which processes belong to a job, a daemon or a run."""

from collections.abc import Iterable, Mapping

from gator.process.ownership.attempt_cgroups import Group
from gator.process.ownership.birthmark import NO_BIRTHMARKS, Birthmarks
from gator.process.procfs import ProcessInfo, Snapshot


class Ownership:
    """The criteria for one owner; there is one for each job, from its start to its end.

    Processes seen to descend from the leader are remembered, and so are sessions led by members: a member
    may lose its parents, or die before its children are seen.
    """

    __slots__ = (
        "birthmarks",
        "claims_all",
        "group",
        "has_ended",
        "leader",
        "leader_reaped",
        "marks",
        "members",
        "memory_max",
        "name",
        "sessions",
        "since",
    )

    def __init__(
        self,
        leader: int,
        marks: Mapping[str, str],
        leader_reaped: bool = False,
        *,
        birthmarks: Birthmarks = NO_BIRTHMARKS,
        since: int = 0,
        name: str = "",
        claims_all: bool = False,
    ) -> None:
        self.leader = leader
        """Pid of the session leader; 0 if there is none."""
        self.marks = marks
        """The marks that a process must carry to belong, all of them."""
        self.leader_reaped = leader_reaped
        """Whether the leader was reaped, after which its pid may be reused."""
        self.birthmarks = birthmarks
        """The birthmarks that a process may have to belong."""
        self.since = since
        """Start of the leader in ticks since the boot."""
        self.name = name
        """The name of the owner in messages."""
        self.claims_all = claims_all
        """Whether all orphans of this process belong."""
        self.group: Group | None = None
        """The control group; None until it is made."""
        self.memory_max = 0
        """Maximum number of bytes of memory for a control group with a limit; 0 for no limit."""
        self.has_ended = False
        """Whether no process of the attempt is known to live."""
        self.members: dict[int, int] = {}
        """Start of each member in ticks by pid, as of the last sample."""
        self.sessions: dict[int, int] = {}
        """Start of the leader of each session in ticks, 0 if it was never seen alive."""

    def owns(self, snapshot: Snapshot, process: ProcessInfo) -> bool:
        """Returns whether a process belongs: by session, earlier sample, marks or birthmark."""
        session = process.session
        leader = snapshot.processes.get(session)
        if session and session == self.leader:
            # A living process with the pid of a reaped leader leads another session with the same id.
            return leader is None or not self.leader_reaped
        if session in self.sessions and (leader is None or leader.start_ticks == self.sessions[session]):
            return True
        return self.remembers(process) or self.is_marked(
            snapshot.marks.get(process.pid), snapshot.birthmarks.get(process.pid, 0)
        )

    def remembers(self, process: ProcessInfo) -> bool:
        """Returns whether this process was seen to descend from the leader."""
        return self.members.get(process.pid) == process.start_ticks

    def is_marked(self, marks: Mapping[str, str] | None, birthmark: int) -> bool:
        """Returns whether marks or the birthmark of a process are those of this job."""
        return bool(marks and self.marks and carries(marks, self.marks)) or self.birthmarks.has(birthmark)

    def shares_run(self, marks: Mapping[str, str] | None, birthmark: int) -> bool:
        """Returns whether marks or birthmark are those of any job of the same run."""
        run = self.marks.get("GATOR_RUN")
        if run is not None and marks and marks.get("GATOR_RUN") == run:
            return True
        return self.birthmarks is not NO_BIRTHMARKS and self.birthmarks.of_run.has(birthmark)

    def remember(self, processes: Iterable[ProcessInfo]) -> None:
        """Replaces the remembered descendants of the leader."""
        members: dict[int, int] = {}
        for process in processes:
            members[process.pid] = process.start_ticks
            if process.session == process.pid != self.leader:
                self.sessions[process.pid] = process.start_ticks
        self.members = members


def carries(marks: Mapping[str, str], required: Mapping[str, str]) -> bool:
    """Returns whether all required marks are present with these values."""
    return all(marks.get(name) == value for name, value in required.items())
