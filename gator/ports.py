"""Protocols between decisions and effects; each has a real implementation and a fake.

Invariant: a port is as small as its users need and mentions no library.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from gator.core.launch.rerun import Launched
from gator.core.moment import Moment
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2, spec_pb2

if TYPE_CHECKING:
    # Only commands about earlier runs need these messages.
    from gator.v1 import hub_service_pb2 as hs


class Clock(Protocol):
    """A source of the time."""

    def now(self) -> Moment:
        """Returns this moment on all clocks."""
        ...

    def monotonic(self) -> float:
        """Seconds since any moment, for measuring."""
        ...


class RunInfo(Struct, frozen=True):
    """Description of a run for a display, before it starts."""

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
    """The command line of a single job as written, or a description of its script; else empty."""
    cores: int
    own_words: int | None = 0
    """Number of words at the start of a single job's argv that are Gator's own; None if all are."""
    repeats: str = ""
    """Id of the run on which a rerun of a job is overlaid: this one, or its parent."""
    job_seeds: Mapping[str, int] = field(default_factory=dict[str, int])
    """Seeds of single jobs taken from the repeated run."""
    launch: Launched = field(default_factory=Launched)
    """The command line that started it, as far as a rerun of a job needs it."""
    text_logs: bool = True
    """Whether failed jobs get text files with their output."""
    causes: Sequence[spec_pb2.CauseRule] = ()
    """Rules that name the causes of failures."""


class RunningJob(Struct, frozen=True):
    """A running job."""

    path: str
    started: float
    """When this process learned of its start, in seconds of the steady clock."""
    is_starting: bool = False
    """Whether it has not written the line after which it works."""


class LiveState(Protocol):
    """The state of a run, which a display may query when it draws."""

    @property
    def tally(self) -> event_pb2.Tally:
        """Number of jobs of the whole run by state."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the run was told to stop."""
        ...

    def running(self, maximum: int) -> Iterable[RunningJob]:
        """Returns at most `maximum` jobs, those that have run longest."""
        ...


class Display(Protocol):
    """Shows a run while it is running. All calls come from the event loop and must be short."""

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """Filter of the events to show; it never changes."""
        ...

    def ready(self) -> bool:
        """Returns whether it can take more events; while it cannot, it gets none and is asked again."""
        ...

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """Shows the start of the run."""
        ...

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Shows committed events; those of one store come in order."""
        ...

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Shows a message of Gator itself."""
        ...

    def on_change(self, now: float) -> float | None:
        """Draws again, because something may have changed; `now` is in seconds of a steady clock.

        Returns when to call it again even if nothing changes; None for never.
        """
        ...

    def on_terminal_changed(self, now: float) -> None:
        """Reacts to a resize of the terminal or output of others; `now` as for `on_change`."""
        ...

    def on_end(self, result: event_pb2.Result) -> None:
        """Shows the end of the run, after its whole record was written."""
        ...


class History(Protocol):
    """The earlier runs in the folders beside a run or on a hub.

    Each query takes a bounded time. A hub that does not answer raises GatorError or UserError; unreadable
    folders are skipped.
    """

    @property
    def location(self) -> str:
        """Where these runs are, to follow `no run of top`: `in /chip/tracking`."""
        ...

    @property
    def where(self) -> Sequence[str]:
        """Options by which `gator runs` lists them, in any folder and environment."""
        ...

    def run(self, name: str) -> query_pb2.Run | None:
        """Returns the run with a name, as for `-r`; None if there is none."""
        ...

    def idents(self) -> Collection[str]:
        """Returns the idents of the newest runs, for a suggestion."""
        ...

    def runs(self, ident: str, selection: query_pb2.Selection, limit: int) -> Sequence[query_pb2.Run]:
        """Returns the newest runs of a series, the newest first."""
        ...

    def full_run(self, run: query_pb2.Run) -> query_pb2.Run:
        """Returns the full description of a run from a list, with its command line."""
        ...

    def previous(self, run: query_pb2.Run) -> query_pb2.Run | None:
        """Returns the previous run of the series, for a rerun its parent; None if there is none."""
        ...

    def repeated(self, run: query_pb2.Run) -> query_pb2.Run:
        """Returns the run that a rerun repeats, directly or indirectly; for another run, the run itself."""
        ...

    def reruns(self, run: query_pb2.Run) -> Sequence[query_pb2.Run]:
        """Returns the direct and indirect reruns of a run, oldest first."""
        ...

    def at_commit(self, run: query_pb2.Run, limit: int) -> Sequence[query_pb2.Run]:
        """Returns the newest runs of its ident at its commit, without uncommitted changes.

        Reruns and runs of other parts of the spec are among them. All are full descriptions.
        """
        ...

    def nodes_at(self, run: query_pb2.Run, paths: Sequence[str]) -> Iterable[query_pb2.Node]:
        """Returns those of these nodes that a run has."""
        ...

    def nodes(
        self,
        run: query_pb2.Run,
        outcomes: Sequence[common_pb2.Outcome.ValueType] = (),
        *,
        only_jobs: bool = True,
    ) -> Iterable[query_pb2.Node]:
        """Returns nodes of a run with these outcomes, or all, in the order of the tree."""
        ...

    def metrics(
        self, run: query_pb2.Run, names: Sequence[str], ranks: Sequence[float]
    ) -> Iterable[query_pb2.NodeMetrics]:
        """Returns the metrics of these names of all nodes of a run, with quantiles of these ranks."""
        ...

    def node_history(
        self, ident: str, path: str, selection: query_pb2.Selection, limit: int
    ) -> "hs.ListHistoryResponse":
        """Returns a node's outcomes, durations, peaks and metrics in the newest runs of a series.

        `path` is below the root. Raises NotFoundError when no run has the node.
        """
        ...

    def sightings(self, run: query_pb2.Run) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns the failures of a run by cause, with the runs in which they were seen."""
        ...


STATES_TO_LIST = ("new", "back")
"""States of causes that are listed first, in this order."""


class EarlierRuns(Struct, frozen=True):
    """The states of the causes of a run, as its earlier runs determine them."""

    headline: str = ""
    """Follows the numbers of causes, such as `, 1 new since run 25cb5c26`; empty if it is not known."""
    states: Mapping[str, str] = {}
    """`new`, `back` or `known`, by the name or signature of a cause; empty if it is not known."""

    def rank(self, cause: str) -> int:
        """Returns the position of a cause among others: new ones first, then those that came back."""
        state = self.states.get(cause, "")
        return STATES_TO_LIST.index(state) if state in STATES_TO_LIST else len(STATES_TO_LIST)
