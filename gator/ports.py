"""The small borders between what decides and what does: each has a real implementation and a fake.

The rule: a port is as small as its users need, and knows no library.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct, field

from gator.core.again import Launched
from gator.core.moment import Moment
from gator.v1 import attach_pb2, event_pb2


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
