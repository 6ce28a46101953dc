"""By what the processes of one job, or of a whole daemon or run, are told from others."""

from collections.abc import Iterable, Mapping

from gator.process.birthmark import NO_BIRTHMARKS, Birthmarks
from gator.process.groups import Group
from gator.process.procfs import ProcessInfo, Snapshot


class Belonging:
    """Whose processes are meant; one for each job, from its start to its end.

    `leader` is the pid that leads the session, 0 if there is none; `marks` are those that a process
    must carry to belong, all of them; `births` are numbers it may be born with; `since` is the start of the
    leader in ticks since the boot, `name` is for messages. Set `leader_reaped` when that is so: from then
    on a process with that pid is another. With `takes_all` all orphans of this process belong.
    Processes that were seen to descend from the leader are remembered, and sessions that members were
    seen to lead: a member may lose its parents, or die before what it has just started is seen.
    """

    __slots__ = (
        "births",
        "group",
        "is_over",
        "leader",
        "leader_reaped",
        "marks",
        "members",
        "name",
        "sessions",
        "since",
        "takes_all",
    )

    def __init__(
        self,
        leader: int,
        marks: Mapping[str, str],
        leader_reaped: bool = False,
        *,
        births: Birthmarks = NO_BIRTHMARKS,
        since: int = 0,
        name: str = "",
        takes_all: bool = False,
    ) -> None:
        self.leader = leader
        self.marks = marks
        self.leader_reaped = leader_reaped
        self.births = births
        self.since = since
        self.name = name
        self.takes_all = takes_all
        self.group: Group | None = None
        """The control group, once there is one."""
        self.is_over = False
        """Whether nothing of the attempt is known to live any more."""
        self.members: dict[int, int] = {}
        """Start in ticks by pid, as of the last sample."""
        self.sessions: dict[int, int] = {}
        """By number the start of the leader in ticks, 0 where it was never seen alive."""

    def owns(self, snapshot: Snapshot, process: ProcessInfo) -> bool:
        """Returns whether a process belongs by its session, by memory, by its marks or by its birth."""
        number = process.session
        now = snapshot.processes.get(number)
        if number and number == self.leader:
            # A living process with the pid of a reaped leader leads a session of its own by the same number.
            return now is None or not self.leader_reaped
        if number in self.sessions and (now is None or now.start_ticks == self.sessions[number]):
            return True
        return self.remembers(process) or self.is_marked(
            snapshot.marks.get(process.pid), snapshot.births.get(process.pid, 0)
        )

    def remembers(self, process: ProcessInfo) -> bool:
        """Returns whether this very process was seen to descend from the leader."""
        return self.members.get(process.pid) == process.start_ticks

    def is_marked(self, marks: Mapping[str, str] | None, birth: int) -> bool:
        """Returns whether marks and the number of a process's birth are those of this job."""
        return bool(marks and self.marks and carries(marks, self.marks)) or self.births.has(birth)

    def shares_run(self, marks: Mapping[str, str] | None, birth: int) -> bool:
        """Returns whether marks or birth are those of some job of the same run."""
        run = self.marks.get("GATOR_RUN")
        if run is not None and marks and marks.get("GATOR_RUN") == run:
            return True
        return self.births is not NO_BIRTHMARKS and self.births.of_run.has(birth)

    def remember(self, processes: Iterable[ProcessInfo]) -> None:
        """Keep what was seen to descend from the leader, in place of what was seen before."""
        members: dict[int, int] = {}
        for process in processes:
            members[process.pid] = process.start_ticks
            if process.session == process.pid != self.leader:
                self.sessions[process.pid] = process.start_ticks
        self.members = members


def carries(marks: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Returns whether all the wanted marks are there with these values."""
    return all(marks.get(name) == value for name, value in wanted.items())
