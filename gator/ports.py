"""The small borders between what decides and what does: each has a real implementation and a fake.

The rule: a port is as small as its users need, and knows no library.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from gator.core.again import Launched
from gator.core.moment import Moment
from gator.v1 import attach_pb2, common_pb2, event_pb2, hub_service_pb2, query_pb2


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> Moment:
        """This moment on all clocks."""
        ...

    def monotonic(self) -> float:
        """Seconds since any moment, for measuring."""
        ...


class RunInfo(Struct, frozen=True):
    """What a display says of a run before anything happens."""

    run: str
    """Id of the run."""
    ident: str
    """Name of the root node."""
    spec: str
    """Name of the spec as the user gave it."""
    folder: str
    """Folder of the run, absolute."""
    seed: int
    jobs: int
    single: bool
    """Whether the root is a single job."""
    command: str
    """The command line of a single job as written, or in words that it is a script; else empty."""
    cores: int
    own_words: int | None = 0
    """Words at the beginning of a single job's argv that are Gator's own; None where all are."""
    repeats: str = ""
    """Id of the run that a repeat of one of the jobs is laid over: this one, or the one that it repeats."""
    job_seeds: Mapping[str, int] = field(default_factory=dict[str, int])
    """Seeds of single jobs that were taken from the run that this one repeats."""
    launch: Launched = field(default_factory=Launched)
    """The command line that started it, as far as a repeat of a job needs it."""
    text_logs: bool = True
    """Whether failed jobs get text files with their output."""


class RunningJob(Struct, frozen=True):
    """A job that runs now."""

    path: str
    started: float
    """When this process heard of its start, in seconds of the steady clock."""


class LiveState(Protocol):
    """What a display may ask for whenever it draws."""

    @property
    def tally(self) -> event_pb2.Tally:
        """Jobs by what they are at, of the whole run."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the run was told to stop."""
        ...

    def running(self, most: int) -> Iterable[RunningJob]:
        """The jobs that have run longest, at most so many."""
        ...


class Display(Protocol):
    """Shows a run to a person while it goes on. All calls come from the event loop and must be short."""

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """Which events it wants to see; fixed from the start."""
        ...

    def ready(self) -> bool:
        """Whether it can take more; while it can not it is shown nothing, and asked again and again."""
        ...

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """The run begins."""
        ...

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Events were committed; those of one store come in order."""
        ...

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Gator itself has something to say."""
        ...

    def on_change(self, now: float) -> float | None:
        """Something may look different; `now` is in seconds of a steady clock.

        Returns when the display wants to be called again even if nothing happens; None for never.
        """
        ...

    def on_terminal_changed(self, now: float) -> None:
        """The terminal has another size, or others have written to it; `now` as for `on_change`."""
        ...

    def on_end(self, result: event_pb2.Result) -> None:
        """The run has ended and all of its record is written."""
        ...


class History(Protocol):
    """What is known of earlier runs, in the folders beside a run or on a hub.

    A question takes a bounded time. Those to a hub raise GatorError or UserError when it does not answer;
    folders that cannot be read are left out.
    """

    @property
    def place(self) -> str:
        """Where these runs are, to go on after `no run of top`: `in /chip/tracking`."""
        ...

    @property
    def where(self) -> Sequence[str]:
        """Options by which `gator runs` lists them, in any folder and environment."""
        ...

    def run(self, name: str) -> query_pb2.Run | None:
        """The run that a name means; None if there is none."""
        ...

    def runs(self, ident: str, selection: query_pb2.Selection, limit: int) -> Sequence[query_pb2.Run]:
        """The newest runs of a series, the newest first."""
        ...

    def whole(self, run: query_pb2.Run) -> query_pb2.Run:
        """A run of a list with all that is known of it, its command line too."""
        ...

    def before(self, run: query_pb2.Run) -> query_pb2.Run | None:
        """The run before a run in its series; of a repeat, the run that it repeats. None if there is none."""
        ...

    def repeats(self, run: query_pb2.Run) -> Sequence[query_pb2.Run]:
        """The runs that repeat parts of a run, or of one of these, in the order of their starts."""
        ...

    def nodes(
        self,
        run: query_pb2.Run,
        outcomes: Sequence[common_pb2.Outcome.ValueType] = (),
        *,
        only_jobs: bool = True,
    ) -> Iterable[query_pb2.Node]:
        """Nodes of a run with these outcomes, or all, in the order of the tree."""
        ...

    def of_path(
        self, ident: str, path: str, selection: query_pb2.Selection, limit: int
    ) -> hub_service_pb2.ListHistoryResponse:
        """Outcomes, durations, peaks and metrics of a node in the newest runs of a series, newest first.

        `path` is below the root. Raises NotFoundError when no run has the node.
        """
        ...

    def sightings(self, run: query_pb2.Run) -> Mapping[str, query_pb2.FailureGroup]:
        """The failures of a run by signature, with the runs in which such failures were seen."""
        ...
