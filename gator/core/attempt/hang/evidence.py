"""Describes what the processes of a silent attempt did, and formats it."""

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from gator.core.text import cut
from gator.units import plural
from gator.v1 import event_pb2

MAX_EVIDENCE = 40_000
"""Maximum number of characters of the text of all evidence."""
MAX_LINES = 50
"""Maximum number of lines of the watched file and of a stack."""
_MAX_LINE = 300
"""Maximum number of characters of a line, a command line or the name of a file."""
BUSY_CORES = 0.05
"""Minimum mean CPU use, in cores, of a busy process."""


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
        """Its activity, such as `waits in pipe_read`."""
        if self.cores >= BUSY_CORES:
            return f"computes on {self.cores:.1f} cores"
        if self.state in ("stopped", "tracing-stop"):
            return f"is {self.state}"
        return f"waits in {self.channel}" if self.channel else f"is {self.state or 'idle'}"

    @property
    def lasting_activity(self) -> str:
        """Its activity, without details that change from one moment to the next."""
        return "computes" if self.cores >= BUSY_CORES else self.activity


class Evidence(Struct, frozen=True):
    """Evidence about an attempt that has been silent for too long."""

    processes: Sequence[ProcessEvidence] = ()
    omitted: int = 0
    """Number of further processes."""
    file: str = ""
    """The watched file; empty if none is watched."""
    file_end: str | None = None
    """The end of the watched file; None if it cannot be read."""
    prints_stacks: bool = False
    """Whether a process was asked to print its stacks, so that its next output is not a sign of life."""


class Hang(Struct, frozen=True):
    """An attempt that was silent for too long."""

    nanos: int
    """The maximum time of silence."""
    summary: str
    """Which process did what; empty if it is not known."""
    place: str
    """The same without numbers that differ from run to run."""
    last_words: event_pb2.ErrorMessage | None = None
    """The last lines before it, if others followed because it was investigated."""


def masked(evidence: Evidence, hide: Callable[[str], str]) -> Evidence:
    """Returns the evidence with `hide` applied to each string of the job.

    It has to see whole strings: a part of a secret cannot be recognised.
    """
    processes = [
        structs.replace(
            process,
            command=hide(process.command),
            files=tuple(map(hide, process.files)),
            stack=hide(process.stack),
        )
        for process in evidence.processes
    ]
    end = hide(evidence.file_end) if evidence.file_end is not None else None
    return structs.replace(evidence, processes=processes, file=hide(evidence.file), file_end=end)


def decisive_process(evidence: Evidence) -> ProcessEvidence | None:
    """Returns the process for which the others wait: one that computes, else the last one started.

    A process with living children is most likely waiting for these.
    """
    parents = {process.parent for process in evidence.processes}
    leaves = [process for process in evidence.processes if process.pid not in parents]
    return max(leaves, key=lambda process: (process.cores >= BUSY_CORES, process.pid), default=None)


def hang_of(evidence: Evidence, limit: int, last_words: event_pb2.ErrorMessage | None) -> Hang:
    """Returns the hang that the evidence shows.

    `limit` is the maximum silence in nanoseconds, `last_words` the last lines before the investigation.
    """
    # The stacks that a process was asked to print are not what it wrote last.
    words = last_words if evidence.prints_stacks else None
    process = decisive_process(evidence)
    if process is None:
        return Hang(limit, "", "", words)
    return Hang(
        limit, f"{process.name} {process.activity}", f"{process.name} {process.lasting_activity}", words
    )


def text_of(evidence: Evidence, silence: str, cpu: str) -> str:
    """Returns all of the evidence in lines. `silence` and `cpu` are times as texts."""
    lines = [f"no output for {silence}, in which its processes used {cpu} of processor time"]
    for process in evidence.processes:
        lines += _process_lines(process)
    if evidence.omitted:
        lines.append(f"and {evidence.omitted:,} more of its processes")
    if evidence.file and evidence.file_end is None:
        lines.append(f"the watched file {_short(evidence.file)} does not exist or cannot be read")
    elif evidence.file:
        lines.append(f"end of the watched file {_short(evidence.file)}:")
        lines += [f"  {_short(line)}" for line in (evidence.file_end or "").splitlines()[-MAX_LINES:]]
    return "\n".join(lines)


def _process_lines(process: ProcessEvidence) -> list[str]:
    threads = plural(process.threads, "thread")
    command = _short(" ".join(process.command.split())) or process.name
    lines = [f"{process.pid} {command}: {process.activity}, {threads}"]
    for name, items in (("open", process.files), ("sockets", process.sockets)):
        if items:
            lines.append(f"  {name}: {', '.join(map(_short, items))}")
    if process.stack:
        lines += [f"  {_short(line)}" for line in process.stack.splitlines()[:MAX_LINES]]
    return lines


def _short(text: str) -> str:
    return cut(text, _MAX_LINE)
