"""A run on a hub as the place of a run. Rule: nothing is looked for in a folder."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gator.cli.history.hub import HubHistory
from gator.cli.history.sightings import Sightings, sightings_of
from gator.cli.runs import hub_client as hubs
from gator.cli.runs import remote
from gator.cli.runs.find import LATEST
from gator.cli.runs.hub_selection import PREFIX, HubChoice
from gator.errors import GatorError, UserError
from gator.v1 import control_service_pb2, event_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs

_OVER: Final = (query_pb2.RUN_STATE_ENDED, query_pb2.RUN_STATE_DIED)
_OPTION: Final = "--hub-logs"
_KEPT: Final = {
    "none": "no output",
    "warnings": "only stderr and the messages from warning on",
}
"""What a hub has by the word for it, where that is not all."""


class HubSource:
    """A hub that has the run."""

    settle_seconds = 1.0
    away_words = "disconnected since"

    def __init__(self, hub: hubs.Hub, run: query_pb2.Run, ask: remote.RemoteRunApi) -> None:
        self.hub, self.run = hub, run
        self.name = f"{PREFIX}{run.id[:12]}"
        self.where = ("-r", self.name, *hub.words)
        self.needs = hub.needs
        self.words = f"on {hub.peer.name}"
        self.watch = ask.watch_events
        self._ask = ask
        self._sightings: Sightings | None = None

    def is_live(self) -> bool:
        """Returns whether its root goes on, as far as is known: one that is not connected may come back."""
        return self._ask.get_run(qs.GetRunRequest()).run.state not in _OVER

    def left_out(self, finished: event_pb2.AttemptFinished | None = None) -> str:
        """What `--hub-logs` of its command line kept here."""
        kept = _hub_logs(self.run.argv)
        if kept not in _KEPT or (finished is not None and not _lacks(kept, finished)):
            return ""
        where = f"{self.run.host}:{self.run.folder}" if self.run.host else self.run.folder
        has = f"{_KEPT[kept]} of this run (--hub-logs {kept})"
        return f"{self.hub.peer.name} keeps {has}: all of it is in {where}"

    def text_log(self, path: str) -> Path | None:
        """Never: a hub has lines, no files."""
        return None

    def sightings(self, run: query_pb2.Run) -> Sightings | None:
        """What the hub knows of failures with the same signatures; asked for once."""
        if self._sightings is None:
            self._sightings = sightings_of(self.history(), run)
        return self._sightings

    def history(self) -> HubHistory:
        """Returns the runs of the hub."""
        return HubHistory(self.hub)

    def of(self, run: query_pb2.Run) -> "HubSource":
        """Returns the home of another run of the hub."""
        return HubSource(self.hub, run, remote.RemoteRunApi(self.hub.peer, run.id))

    def explain(self, request: qs.ExplainNodeRequest) -> None:
        """Returns None: a hub has only the record."""

    def stop(self, request: control_service_pb2.StopRequest) -> control_service_pb2.StopResponse:
        """Gives an order through the hub."""
        request.run = self.run.id
        return remote.stop(self.hub.peer, request)


def _lacks(kept: str, finished: event_pb2.AttemptFinished) -> bool:
    """Returns whether an attempt wrote lines that a hub did not get."""
    return finished.stdout_lines > 0 or (kept == "none" and finished.stderr_lines > 0)


def _hub_logs(argv: Sequence[str]) -> str:
    """What the command line of a run says about its output; the last word counts."""
    wanted = ""
    for at, arg in enumerate(argv):
        name, equals, value = arg.partition("=")
        if name == _OPTION and (equals or at + 1 < len(argv)):
            wanted = value if equals else argv[at + 1]
    return wanted.lower()


@contextmanager
def open_on_hub(name: str, choice: HubChoice) -> Generator[tuple[HubSource, remote.RemoteRunApi]]:
    """The run that a hub knows by this name, and who answers for it. Raises NotFoundError, UsageError."""
    with hubs.connect(choice) as hub:
        found = hub.find(name)
        ask = remote.RemoteRunApi(hub.peer, found.id)
        yield HubSource(hub, ask.get_run(qs.GetRunRequest()).run, ask), ask


def names_like(choice: HubChoice, incomplete: str) -> list[tuple[str, str]]:
    """What a shell offers after `-r hub:`; nothing when the hub does not answer in time."""
    values = [(LATEST, "the newest run")]
    try:
        with hubs.connect(choice) as hub:
            for run in hub.runs(hs.ListRunsRequest(), 50):
                values += [(run.id[:12], run.ident), (run.ident, f"the newest run of {run.ident}")]
    except (GatorError, UserError):
        pass
    return [(PREFIX + name, text) for name, text in dict(values).items() if name.startswith(incomplete)]
