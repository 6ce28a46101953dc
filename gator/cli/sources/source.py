"""Where a run was found, for what differs between a folder and a hub.

Rule: what can be asked of a run is no part of it; that is the same everywhere.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from gator.cli.history.sightings import Sightings, sightings_of
from gator.core.launch.printed import in_folder
from gator.errors import UnavailableError, UnknownCallError, UsageError
from gator.ports import History
from gator.run_folder import RunFolder
from gator.v1 import control_service_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


class Watching(Protocol):
    """Events of a run as they come."""

    def responses(self) -> Iterable[qs.WatchEventsResponse]:
        """What comes, to the end of the run or until somebody gives up; may be asked for again, to go on."""
        ...

    def give_up(self) -> None:
        """Nobody waits for more. May be called by any thread."""
        ...


Watch: TypeAlias = Callable[[qs.WatchEventsRequest], Watching]


class RunSource(Protocol):
    """The place of a run."""

    @property
    def name(self) -> str:
        """What `-r` takes to mean this run again."""
        ...

    @property
    def where(self) -> Sequence[str]:
        """Options that name this run in any folder and environment."""
        ...

    @property
    def needs(self) -> str:
        """What has to be set before such a command; empty if nothing has to be."""
        ...

    @property
    def words(self) -> str:
        """Where it is, to go on after `the run`: `in /chip/tracking/20261122-125830-top`."""
        ...

    @property
    def settle_seconds(self) -> float:
        """How much later than the end of a job its lines may come."""
        ...

    @property
    def watch(self) -> Watch | None:
        """Asks to be told of events; None where looking again is cheap."""
        ...

    @property
    def away_words(self) -> str:
        """Words before a time for a run that is neither known to be live nor to have ended."""
        ...

    def left_out(self, finished: event_pb2.AttemptFinished | None = None) -> str:
        """What it lacks of what jobs wrote, and where that is, as a sentence; empty where it has all.

        With the end of an attempt: of what that one wrote.
        """
        ...

    def is_live(self) -> bool:
        """Returns whether more may come of it."""
        ...

    def text_log(self, path: str) -> Path | None:
        """Returns the text file with the output of a job; None if there is none to be read here."""
        ...

    def sightings(self, run: query_pb2.Run) -> Sightings | None:
        """Returns where the failures of this run were seen before; None if no other run is known."""
        ...

    def history(self) -> History:
        """Returns the history of the folder or hub that has this run."""
        ...

    def of(self, run: query_pb2.Run) -> "RunSource":
        """Returns the home of another run of the same history."""
        ...

    def explain(self, request: qs.ExplainNodeRequest) -> qs.ExplainNodeResponse | None:
        """Asks the live root of the run why a node has not started; None if the root cannot be asked."""
        ...

    def stop(self, request: control_service_pb2.StopRequest) -> control_service_pb2.StopResponse:
        """Gives an order to the run. Raises UnavailableError when it does not listen."""
        ...


class FolderSource:
    """A folder of this host."""

    settle_seconds = 0.0
    needs = ""
    watch = None
    away_words = "a copy, showing the run as of"

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self.name = folder.path.name
        self.where = in_folder(str(folder.path))
        self.words = f"in {folder.path}"
        self._looked = False
        self._sightings: Sightings | None = None

    def is_live(self) -> bool:
        """Returns whether its root lives."""
        return self._folder.is_live()

    def left_out(self, finished: event_pb2.AttemptFinished | None = None) -> str:
        """Nothing: all of it is here."""
        return ""

    def text_log(self, path: str) -> Path | None:
        """Returns the file in `logs/`."""
        from gator.paths import slug

        log = self._folder.logs / f"{slug(path)}.log"
        return log if log.exists() else None

    def sightings(self, run: query_pb2.Run) -> Sightings | None:
        """Returns sightings in the folders beside it; None if there is no earlier run."""
        if not self._looked:
            self._looked = True
            found = sightings_of(self.history(), run)
            self._sightings = found if found.before is not None else None
        return self._sightings

    def history(self) -> History:
        """Returns the runs in the folders beside it."""
        from gator.cli.history.folders import FolderHistory

        return FolderHistory(self._folder.path.resolve().parent)

    def of(self, run: query_pb2.Run) -> "FolderSource":
        """Returns the home of another run beside it."""
        return FolderSource(RunFolder(Path(run.folder)))

    def explain(self, request: qs.ExplainNodeRequest) -> qs.ExplainNodeResponse | None:
        """Asks the live root; None if it does not listen."""
        control = self._folder.read_control() if self._folder.is_live() else None
        if control is None:
            return None
        from gator.cli.runs import remote

        try:
            with remote.remote_questions(control) as root:
                return root.explain_node(request)
        except (UnavailableError, UnknownCallError):
            # It ended meanwhile, or is older than this command.
            return None

    def stop(self, request: control_service_pb2.StopRequest) -> control_service_pb2.StopResponse:
        """Gives an order to the live root."""
        if self._folder.is_copy():
            raise UsageError(f"the run {self.words} is a copy: name the original folder")
        control = self._folder.read_control()
        if control is None:
            raise UnavailableError(f"the run {self.words} does not listen yet: try again in a moment")
        from gator.cli.runs import remote

        with remote.root_of(control, seconds=10) as peer:
            return remote.stop(peer, request)
