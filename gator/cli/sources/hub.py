"""A run on a hub as the source of an open run.

Invariant: nothing is read from folders.
"""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gator.cli.history.hub import HubHistory
from gator.cli.history.sightings import Sightings, sightings_of
from gator.cli.runs import hub_client as hubs
from gator.cli.runs import remote
from gator.cli.runs.api import RunApi
from gator.cli.runs.find import LATEST, MEANING_OF_LATEST
from gator.cli.runs.hub_choice import PREFIX, HubChoice
from gator.cli.runs.ruled_api import ruled
from gator.cli.sources.present_rules import rules_for
from gator.errors import GatorError, UserError
from gator.v1 import control_service_pb2 as cs
from gator.v1 import event_pb2, query_pb2, spec_pb2
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs

_OVER: Final = (query_pb2.RUN_STATE_ENDED, query_pb2.RUN_STATE_DIED)
_OPTION: Final = "--hub-logs"
_KEY: Final = "run.hub-logs"
"""Its key in a gator.toml."""
_OUTPUT_BY_MODE: Final = {
    "none": "no output",
    "warnings": "only stderr and the messages from warning on",
}
"""The output that a hub has, by the value of `--hub-logs`; all of it for other values."""


class HubSource:
    """A run on a hub."""

    settle_seconds = 1.0
    away_since = "disconnected since"

    def __init__(
        self,
        hub: hubs.Hub,
        run: query_pb2.Run,
        api: remote.RemoteRunApi,
        rules: Sequence[spec_pb2.CauseRule] = (),
    ) -> None:
        """Sends no request; `rules` name causes where those of the hub and of a run do not."""
        self.hub, self.run, self._rules = hub, run, rules
        self.name = f"{PREFIX}{run.id[:12]}"
        self.where = ("-r", self.name, *hub.where)
        self.needs = hub.needs
        self.location = f"on {hub.peer.name}"
        self.watch = api.watch_events
        self._api = api
        self._sightings: Sightings | None = None

    def is_live(self) -> bool:
        """Returns whether its root may still run; one that is not connected may connect again."""
        return self._api.get_run(qs.GetRunRequest()).run.state not in _OVER

    def missing_output(self, finished: event_pb2.AttemptFinished | None = None) -> str:
        """Returns which output the hub does not have, by the `--hub-logs` of the run."""
        mode = _hub_logs(self.run)
        if mode not in _OUTPUT_BY_MODE or (finished is not None and not _lacks(mode, finished)):
            return ""
        where = f"{self.run.host}:{self.run.folder}" if self.run.host else self.run.folder
        has = f"{_OUTPUT_BY_MODE[mode]} of this run (--hub-logs {mode})"
        return f"{self.hub.peer.name} keeps {has}: all of it is in {where}"

    def text_log(self, path: str) -> Path | None:
        """Returns None: a hub has lines but no files."""
        return None

    def is_log_empty(self, path: str) -> bool:
        """Returns False: a hub has no files."""
        del path
        return False

    def stored_file(self, name: str) -> Path | None:
        """Returns None: a hub has contents only in its record."""
        del name

    def sightings(self, run: query_pb2.Run) -> Sightings:
        """Returns earlier failures with the same signatures, requested once."""
        if self._sightings is None:
            self._sightings = sightings_of(self.history(), run)
        return self._sightings

    def history(self) -> HubHistory:
        """Returns the runs of the hub."""
        return HubHistory(self.hub, self._rules)

    def of(self, run: query_pb2.Run) -> "HubSource":
        """Returns the source of another run of the hub."""
        return HubSource(self.hub, run, remote.RemoteRunApi(self.hub.peer, run.id), self._rules)

    def explain(self, request: qs.ExplainNodeRequest) -> None:
        """Returns None: a hub has only the record."""

    def stop(self, request: cs.StopRequest) -> cs.StopResponse:
        """Sends a stop request through the hub."""
        request.run = self.run.id
        return remote.stop(self.hub.peer, request)


def _lacks(mode: str, finished: event_pb2.AttemptFinished) -> bool:
    """Returns whether an attempt wrote lines that a hub did not get."""
    lines = finished.stdout_lines + sum(each.lines for each in finished.log_files.list)
    return lines > 0 or (mode == "none" and finished.stderr_lines > 0)


def _hub_logs(run: query_pb2.Run) -> str:
    """Returns the value of `--hub-logs` that a run had, from its command line or else a gator.toml."""
    mode = ""
    for at, arg in enumerate(run.argv):
        name, equals, value = arg.partition("=")
        if name == _OPTION and (equals or at + 1 < len(run.argv)):
            mode = value if equals else run.argv[at + 1]
    # The nearest file is the first.
    configured = (json.loads(each.value) for each in run.config if each.key == _KEY)
    return (mode or str(next(configured, ""))).lower()


@contextmanager
def open_on_hub(name: str, choice: HubChoice) -> Generator[tuple[HubSource, RunApi]]:
    """Yields the run with a name on a hub, and its queries. Raises NotFoundError and UsageError."""
    with hubs.connect(choice) as hub:
        summary = hub.find(name)
        api = remote.RemoteRunApi(hub.peer, summary.id)
        run = api.get_run(qs.GetRunRequest()).run
        rules = rules_for(run)
        yield HubSource(hub, run, api, rules), ruled(api, rules)


def names_like(choice: HubChoice, incomplete: str) -> list[tuple[str, str]]:
    """Returns completions of `-r hub:`; none if the hub does not answer in time."""
    values = [(LATEST, MEANING_OF_LATEST)]
    try:
        with hubs.connect(choice) as hub:
            for run in hub.runs(hs.ListRunsRequest(), hubs.MAX_COMPLETED):
                values += [(run.id[:12], run.ident), (run.ident, MEANING_OF_LATEST)]
    except (GatorError, UserError):
        pass
    return [(PREFIX + name, text) for name, text in dict(values).items() if name.startswith(incomplete)]
