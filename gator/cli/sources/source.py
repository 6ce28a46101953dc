"""The source of an open run, for what differs between a folder and a hub.

Invariant: queries about a run are not part of it, because they are the same for all sources.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from gator.cli.history.sightings import Sightings, sightings_of
from gator.core.launch.printed import in_folder
from gator.errors import UnavailableError, UnknownCallError, UsageError
from gator.ports import History
from gator.run_folder import RunFolder
from gator.v1 import control_service_pb2 as cs
from gator.v1 import event_pb2, query_pb2, spec_pb2
from gator.v1 import query_service_pb2 as qs


class Watching(Protocol):
    """Events of a run as they happen."""

    def responses(self) -> Iterable[qs.WatchEventsResponse]:
        """Yields responses until the run ends or `give_up` is called; a further call continues."""
        ...

    def give_up(self) -> None:
        """Ends `responses`; may be called by any thread."""
        ...


Watch: TypeAlias = Callable[[qs.WatchEventsRequest], Watching]


class RunSource(Protocol):
    """The folder or hub that has a run."""

    @property
    def name(self) -> str:
        """The value of `-r` that names this run."""
        ...

    @property
    def where(self) -> Sequence[str]:
        """Options that name this run in any folder and environment."""
        ...

    @property
    def needs(self) -> str:
        """The variable that a command with these options needs; empty for none."""
        ...

    @property
    def location(self) -> str:
        """Continues a sentence after `the run`: `in /chip/tracking/20261122-125830-top`."""
        ...

    @property
    def settle_seconds(self) -> float:
        """Maximum time in seconds between the end of a job and the arrival of its last lines."""
        ...

    @property
    def watch(self) -> Watch | None:
        """Opens a stream of events; None if polling is cheap."""
        ...

    @property
    def away_since(self) -> str:
        """The text before a time for a run that may be live but is not connected."""
        ...

    def missing_output(self, finished: event_pb2.AttemptFinished | None = None) -> str:
        """Returns a sentence about output that this source lacks, of an attempt if its end is given.

        It is empty if all output is here.
        """
        ...

    def is_live(self) -> bool:
        """Returns whether the run may write more."""
        ...

    def text_log(self, path: str) -> Path | None:
        """Returns the text file with the output of a job; None if there is none here, or it is empty."""
        ...

    def is_log_empty(self, path: str) -> bool:
        """Returns whether there is a text file here that shows that a job wrote nothing."""
        ...

    def stored_file(self, name: str) -> Path | None:
        """Returns the place of a kept artefact by its path in the run; None if it is not here."""
        ...

    def sightings(self, run: query_pb2.Run) -> Sightings:
        """Returns earlier occurrences of the failures of this run."""
        ...

    def history(self) -> History:
        """Returns the history of the folder or hub that has this run."""
        ...

    def of(self, run: query_pb2.Run) -> "RunSource":
        """Returns the source of another run of the same history."""
        ...

    def explain(self, request: qs.ExplainNodeRequest) -> qs.ExplainNodeResponse | None:
        """Returns why a node has not started, according to the live root; None if that cannot be reached."""
        ...

    def stop(self, request: cs.StopRequest) -> cs.StopResponse:
        """Sends a stop request to the run. Raises UnavailableError if it is not ready."""
        ...


class FolderSource:
    """A folder of this host."""

    settle_seconds = 0.0
    needs = ""
    watch = None
    away_since = "a copy, showing the run as of"

    def __init__(self, folder: RunFolder, rules: Sequence[spec_pb2.CauseRule] = ()) -> None:
        """Reads nothing yet; `rules` name causes where those of a run do not."""
        self._folder, self._rules = folder, rules
        self.name = folder.path.name
        self.where = in_folder(str(folder.path))
        self.location = f"in {folder.path}"
        self._sightings: Sightings | None = None

    def is_live(self) -> bool:
        """Returns whether its root is running."""
        return self._folder.is_live()

    def missing_output(self, finished: event_pb2.AttemptFinished | None = None) -> str:
        """Returns an empty string: all output is here."""
        return ""

    def text_log(self, path: str) -> Path | None:
        """Returns the file in `logs/`."""
        log = self._log_of(path)
        try:
            return log if log.stat().st_size else None
        except OSError:
            return None

    def is_log_empty(self, path: str) -> bool:
        """Returns whether the file in `logs/` is empty."""
        try:
            return self._log_of(path).stat().st_size == 0
        except OSError:
            return False

    def _log_of(self, path: str) -> Path:
        from gator.path_patterns import slug

        return self._folder.logs / f"{slug(path)}.log"

    def stored_file(self, name: str) -> Path | None:
        """Returns a file or folder in `objects/`; None for any other name."""
        place = self._folder.path / name
        # The record may come from another user.
        is_object = Path(name).parts[:1] == ("objects",) and ".." not in Path(name).parts
        return place if is_object and place.exists() else None

    def sightings(self, run: query_pb2.Run) -> Sightings:
        """Returns sightings in the folders beside it."""
        if self._sightings is None:
            self._sightings = sightings_of(self.history(), run)
        return self._sightings

    def history(self) -> History:
        """Returns the runs in the folders beside it."""
        from gator.cli.history.folders import FolderHistory

        return FolderHistory(self._folder.path.resolve().parent, rules=self._rules)

    def of(self, run: query_pb2.Run) -> "FolderSource":
        """Returns the source of another run beside it."""
        return FolderSource(RunFolder(Path(run.folder)), self._rules)

    def explain(self, request: qs.ExplainNodeRequest) -> qs.ExplainNodeResponse | None:
        """Queries the live root; None if it cannot be reached."""
        control = self._folder.read_control() if self._folder.is_live() else None
        if control is None:
            return None
        from gator.cli.runs import remote

        try:
            with remote.remote_api(control) as root:
                return root.explain_node(request)
        except (UnavailableError, UnknownCallError):
            # It ended meanwhile, or is older than this command.
            return None

    def stop(self, request: cs.StopRequest) -> cs.StopResponse:
        """Sends a stop request to the live root."""
        if self._folder.is_copy():
            raise UsageError(f"the run {self.location} is a copy: name the original folder")
        control = self._folder.read_control()
        if control is None:
            raise UnavailableError(f"the run {self.location} is not ready yet: try again in a moment")
        from gator.cli.runs import remote

        try:
            with remote.root_of(control, seconds=10) as peer:
                return remote.stop(peer, request)
        except UnavailableError as error:
            holder = self._folder.lock_holder()
            if holder is None or not self._folder.is_live():
                raise UsageError(f"nothing to stop: the run {self.location} has ended") from error
            raise UsageError(
                f"the run {self.location} (process {holder.pid} on {holder.host}) does not answer: it may be "
                "paused; the stop was not delivered"
            ) from error
