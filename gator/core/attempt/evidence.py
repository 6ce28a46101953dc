"""What the processes of a silent attempt did, and how that is told."""

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from gator.units import plural

BUSY_CORES = 0.05
"""Mean use of the processor from which a process is busy."""


class ProcessEvidence(Struct, frozen=True, kw_only=True):
    """One process."""

    pid: int
    parent: int
    name: str
    command: str = ""
    state: str = ""
    """As psutil names it, such as `sleeping` or `disk-sleep`."""
    channel: str = ""
    """Function of the kernel in which it waits, as in /proc/PID/wchan; empty if it is not known."""
    threads: int = 1
    cores: float = 0.0
    """Mean use of the processor while it was watched."""
    files: tuple[str, ...] = ()
    """Open files, other than pipes and terminals."""
    sockets: tuple[str, ...] = ()
    stack: str = ""

    @property
    def activity(self) -> str:
        """What it does, such as `waits in pipe_read`."""
        if self.cores >= BUSY_CORES:
            return f"computes on {self.cores:.1f} cores"
        if self.state in ("stopped", "tracing-stop"):
            return f"is {self.state}"
        return f"waits in {self.channel}" if self.channel else f"is {self.state or 'idle'}"

    @property
    def lasting_activity(self) -> str:
        """What it does, without what differs from one moment to the next."""
        return "computes" if self.cores >= BUSY_CORES else self.activity


class Evidence(Struct, frozen=True):
    """What was found when an attempt had been silent for too long."""

    processes: Sequence[ProcessEvidence] = ()
    omitted: int = 0
    """Number of further processes."""
    file_age_nanos: int | None = None
    """Time since the watched file was last written; None if there is no such file."""
    file_lines: Sequence[str] = ()
    """Last lines of the watched file."""
    prints_stacks: bool = False
    """Whether a process was asked to print its stacks, so that its next output is no sign of life."""


def masked(evidence: Evidence, hide: Callable[[str], str]) -> Evidence:
    """Returns the evidence with `hide` applied to each text of the job."""
    processes = [
        structs.replace(
            process,
            command=hide(process.command),
            files=tuple(map(hide, process.files)),
            stack=hide(process.stack),
        )
        for process in evidence.processes
    ]
    return structs.replace(
        evidence, processes=processes, file_lines=[hide(line) for line in evidence.file_lines]
    )


def decisive_process(evidence: Evidence) -> ProcessEvidence | None:
    """Returns the process for which the others wait: one that computes, else the last one started.

    A process with living children is most likely waiting for these.
    """
    parents = {process.parent for process in evidence.processes}
    leaves = [process for process in evidence.processes if process.pid not in parents]
    return max(leaves, key=lambda process: (process.cores >= BUSY_CORES, process.pid), default=None)


def place_of_hang(evidence: Evidence) -> str:
    """Returns which process does what, without numbers that differ from run to run; empty if unknown."""
    process = decisive_process(evidence)
    return f"{process.name} {process.lasting_activity}" if process is not None else ""


def summary_of(evidence: Evidence) -> str:
    """Returns which process does what in one line; empty if it is not known."""
    process = decisive_process(evidence)
    return f"{process.name} (pid {process.pid}) {process.activity}" if process is not None else ""


def text_of(evidence: Evidence, silence: str, cpu: str) -> str:
    """Returns all of the evidence in lines. `silence` and `cpu` are times as texts."""
    lines = [f"no output for {silence}, in which its processes used {cpu} of processor time"]
    for process in evidence.processes:
        lines += _process_lines(process)
    if evidence.omitted:
        lines.append(f"and {evidence.omitted:,} more of its processes")
    if evidence.file_lines:
        lines += ["end of the watched file:", *(f"  {line}" for line in evidence.file_lines)]
    return "\n".join(lines)


def _process_lines(process: ProcessEvidence) -> list[str]:
    threads = plural(process.threads, "thread")
    lines = [f"{process.pid} {process.command or process.name}: {process.activity}, {threads}"]
    for name, items in (("open", process.files), ("sockets", process.sockets)):
        if items:
            lines.append(f"  {name}: {', '.join(items)}")
    if process.stack:
        lines += [f"  {line}" for line in process.stack.splitlines()]
    return lines
