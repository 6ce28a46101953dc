"""Collects from the folders of a series in which runs the failures of one run were seen.

Invariant: each run is opened once for its failures, and again only where a job of another run is looked for.
"""

from collections.abc import Callable, Mapping, Sequence

from gator.cli.history.entries import sighting_of
from gator.cli.runs.api import RunApi
from gator.cli.runs.paging import pages
from gator.core.history.failure_groups import cause_of
from gator.core.history.sightings import RAN, Cleared, Ran, add_sightings
from gator.errors import NotFoundError
from gator.v1 import query_pb2, spec_pb2
from gator.v1 import query_service_pb2 as qs


def failures_of(api: RunApi, rules: Sequence[spec_pb2.CauseRule]) -> Sequence[query_pb2.FailureGroup]:
    """Returns the failures of a run by cause, as these rules name them."""
    request = qs.ListFailuresRequest(rules=rules)
    return [group for page in pages(api.list_failures, request) for group in page.groups]


class FolderSightings:
    """The failures of a run, and the runs of its series that have them."""

    def __init__(self, run: str, rules: Sequence[spec_pb2.CauseRule]) -> None:
        """Begins with the id of the run whose failures are looked for, and its rules."""
        self._run, self._rules = run, rules
        self._series: dict[str, query_pb2.Sighting] = {}
        self._failures: dict[str, Mapping[str, query_pb2.FailureGroup]] = {}
        """Failures by run and cause."""
        self._ran: dict[tuple[str, str], bool] = {}
        self._cleared: dict[str, Mapping[str, query_pb2.Sighting]] = {}

    def add(self, api: RunApi) -> bool:
        """Reads a run of the series, or the run itself."""
        run = sighting_of(api.get_run(qs.GetRunRequest()).run)
        self._series[run.run] = run
        self._failures[run.run] = {cause_of(group): group for group in failures_of(api, self._rules)}
        return True

    def groups(
        self,
        top: str,
        has_run: Callable[[str, str], bool],
        cleared: Callable[[str], Mapping[str, query_pb2.Sighting]],
    ) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns the failures by cause, with their sightings in the series of the run `top`.

        `has_run` returns whether a job ran to its end in a run of the series, given the id and the path;
        `cleared` returns the causes of a run that passed in its reruns, with the last of these.
        """
        this = self._series[top]
        series = [run for run in self._series.values() if run.run not in (top, self._run)]
        groups = self._failures[self._run]
        for cause, group in groups.items():
            having = {run.run for run in series if cause in self._failures[run.run]}
            ran = self._ran_with(cause, has_run)
            add_sightings(group, this, series, having, ran, self._cleared_with(cause, cleared))
        return groups

    def _cleared_with(
        self, cause: str, cleared: Callable[[str], Mapping[str, query_pb2.Sighting]]
    ) -> Cleared:
        def cleared_in(run: query_pb2.Sighting) -> query_pb2.Sighting | None:
            if run.run not in self._cleared:
                self._cleared[run.run] = cleared(run.run)
            return self._cleared[run.run].get(cause)

        return cleared_in

    def _ran_with(self, cause: str, has_run: Callable[[str, str], bool]) -> Ran:
        def ran(run: query_pb2.Sighting, seen_in: query_pb2.Sighting | None) -> bool:
            path = self._failures[self._run if seen_in is None else seen_in.run][cause].example.path
            if (run.run, path) not in self._ran:
                self._ran[run.run, path] = has_run(run.run, path)
            return self._ran[run.run, path]

        return ran


def has_run(api: RunApi, path: str) -> bool:
    """Returns whether a job ran to its end in a run."""
    try:
        return api.get_node(qs.GetNodeRequest(path=path)).node.outcome in RAN
    except NotFoundError:
        return False
