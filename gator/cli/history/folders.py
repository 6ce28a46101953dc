"""History over the folders of runs in one tracking folder.

Invariant: reads at most the 50 newest runs of an ident. An unreadable run hides no other one and is reported.
"""

import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from gator.cli import output
from gator.cli.history.entries import entry_of, failure_streak, nodes_at, sighting_of
from gator.cli.history.folder_sightings import FolderSightings, has_run
from gator.cli.history.overlaid import cleared_causes
from gator.cli.runs.api import RunApi, open_api
from gator.cli.runs.find import FoundRun, described, found_runs, rules_of, select
from gator.cli.runs.paging import pages
from gator.cli.runs.ruled_api import ruled
from gator.core.history.cause_rules import CauseRules
from gator.core.history.flaky import is_at_commit
from gator.core.history.series import WHOLE, is_of
from gator.errors import GatorError, NotFoundError, UnavailableError, UserError
from gator.node_paths import path_in
from gator.store.run.description import read_git
from gator.v1 import common_pb2, hub_pb2, query_pb2, spec_pb2
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs

MAX_RUNS_OF_IDENT: Final = 50
"""Maximum number of runs of an ident that are read."""
MAX_SECONDS: Final = 2.0
"""Timeout in seconds of the search for earlier sightings, and of each answer of a hub."""
MAX_START_SECONDS: Final = 30.0
"""Timeout in seconds of all reading before the start of a run; with slow file systems it takes seconds."""

Answer = TypeVar("Answer")


class FolderHistory:
    """The runs of a tracking folder."""

    def __init__(
        self,
        tracking: Path,
        *,
        seconds: float = MAX_SECONDS,
        total_seconds: float | None = None,
        warn: Callable[[str], None] = output.warn,
        rules: Sequence[spec_pb2.CauseRule] = (),
    ) -> None:
        """Creates a history; nothing is read yet.

        `seconds` limits the search for sightings, `total_seconds` all lists of runs and nodes together.
        Exceeding `total_seconds` raises UnavailableError, because an incomplete answer would mislead.
        `warn` reports runs that cannot be read. `rules` name causes where those of a run do not.
        """
        self.location = f"in {tracking}"
        self.where = ("--tracking", str(tracking.absolute()))
        self._tracking, self._seconds = tracking, seconds
        self._deadline = None if total_seconds is None else time.monotonic() + total_seconds
        self._total_seconds, self._warn, self._rules = total_seconds, warn, rules
        self._siblings = lru_cache(self._find_siblings)
        self._folders: dict[str, FoundRun] = {}

    def run(self, name: str) -> query_pb2.Run | None:
        """Returns the run with a name, as for `-r`."""
        try:
            folder = select(name, self._tracking)
        except UserError:
            return None
        run = described(folder)
        if run is not None:
            self._folders[run.id] = folder
            self._add_git(run)
        return run

    def _add_git(self, run: query_pb2.Run) -> query_pb2.Run:
        """Adds the commit to a run of a list, which is in a file of its own."""
        git = read_git(self._folders[run.id].folder.path)
        if git is not None:
            run.git.CopyFrom(git)
        return run

    def idents(self) -> Collection[str]:
        """Returns the idents of the newest runs."""
        runs = map(described, found_runs(self._tracking)[:MAX_RUNS_OF_IDENT])
        return {run.ident for run in runs if run is not None}

    def runs(self, ident: str, selection: query_pb2.Selection, limit: int) -> Sequence[query_pb2.Run]:
        """Returns the newest runs of a series."""
        return [run for run in self._siblings(ident) if is_of(run, selection)][:limit]

    def full_run(self, run: query_pb2.Run) -> query_pb2.Run:
        """Returns the full description of a run from a list."""
        return self._add_git(run) if run.id in self._folders else run

    def previous(self, run: query_pb2.Run) -> query_pb2.Run | None:
        """Returns the previous run of the series; for a rerun, its parent."""
        siblings = self._siblings(run.ident)
        if run.parent:
            previous = next((sibling for sibling in siblings if sibling.id == run.parent), None)
        else:
            ids = [sibling.id for sibling in siblings]
            older = siblings[ids.index(run.id) + 1 :] if run.id in ids else ()
            previous = next((sibling for sibling in older if is_of(sibling, run.selection)), None)
        return self._add_git(previous) if previous is not None else None

    def repeated(self, run: query_pb2.Run) -> query_pb2.Run:
        """Returns the run that a rerun repeats, directly or indirectly; for another run, the run itself."""
        top, known = run, {sibling.id: sibling for sibling in self._siblings(run.ident)}
        while top.parent in known:
            top = known.pop(top.parent)
        return self._add_git(top) if top.id in self._folders else top

    def reruns(self, run: query_pb2.Run) -> Sequence[query_pb2.Run]:
        """Returns the direct and indirect reruns of a run, oldest first."""
        above = {run.id}
        reruns: list[query_pb2.Run] = []
        for other in reversed(self._siblings(run.ident)):
            if other.parent in above and other.id not in above:
                above.add(other.id)
                reruns.append(other)
        return reruns

    def at_commit(self, run: query_pb2.Run, limit: int) -> Sequence[query_pb2.Run]:
        """Returns the newest runs of its ident at its commit, with reruns and runs of other parts."""
        siblings = map(self._add_git, self._siblings(run.ident))
        return list(islice((other for other in siblings if is_at_commit(other, run)), limit))

    def nodes_at(self, run: query_pb2.Run, paths: Sequence[str]) -> Iterable[query_pb2.Node]:
        """Yields those of these nodes that a run has."""
        with self._open_api(run) as api:
            yield from nodes_at(api, paths)

    def nodes(
        self,
        run: query_pb2.Run,
        outcomes: Sequence[common_pb2.Outcome.ValueType] = (),
        *,
        only_jobs: bool = True,
    ) -> Iterable[query_pb2.Node]:
        """Yields nodes of a run in the order of the tree."""
        kinds = (common_pb2.NODE_KIND_JOB,) if only_jobs else ()
        request = qs.ListNodesRequest(
            scope=qs.SCOPE_SUBTREE, outcomes=outcomes, kinds=kinds, order=qs.NODE_ORDER_SPEC
        )
        with self._open_api(run) as api:
            for page in pages(api.list_nodes, request):
                self._check_time()
                yield from page.nodes

    def metrics(
        self, run: query_pb2.Run, names: Sequence[str], ranks: Sequence[float]
    ) -> Iterable[query_pb2.NodeMetrics]:
        """Yields the metrics of the nodes of a run."""
        request = qs.ListMetricsRequest(names=names, quantiles=ranks)
        with open_api(self._folders[run.id]) as api:
            for page in pages(api.list_metrics, request):
                self._check_time()
                yield from page.nodes

    def node_history(
        self, ident: str, path: str, selection: query_pb2.Selection, limit: int
    ) -> hs.ListHistoryResponse:
        """Returns the outcomes of a node in the newest runs of a series."""
        node_path = path_in(ident, path)
        response = hs.ListHistoryResponse()

        def entry(api: RunApi) -> hub_pb2.HistoryEntry | None:
            try:
                answer = api.get_node(qs.GetNodeRequest(path=node_path))
            except NotFoundError:
                return None
            return entry_of(api.get_run(qs.GetRunRequest()).run, answer)

        for _, history_entry in self._each(self.runs(ident, selection, limit), entry):
            if history_entry is not None:
                response.entries.append(history_entry)
        if not response.entries:
            raise NotFoundError(f"no run {self.location} has a node {node_path}")
        first_bad, last_good = failure_streak(response.entries)
        if first_bad is not None:
            response.first_bad.CopyFrom(first_bad)
        if last_good is not None:
            response.last_good.CopyFrom(last_good)
        return response

    def sightings(self, run: query_pb2.Run) -> Mapping[str, query_pb2.FailureGroup]:
        """Returns the failures of a run by cause, without sightings in other series.

        The rules of the run name the causes of the earlier runs as well.

        Returns nothing if a run cannot be read or the time is over: a failure would be called new
        although the runs that were not read may contain it.
        """
        top = self.repeated(run)
        sightings = FolderSightings(run.id, self._rules_of(run))
        deadline = time.monotonic() + self._seconds
        runs = {other.id: other for other in (run, top, *self._others(top))}
        for _, is_read in self._each(runs.values(), sightings.add):
            if is_read is None or time.monotonic() > deadline:
                return {}

        def has_run_in(name: str, path: str) -> bool:
            ((_, is_in_run),) = self._each([runs[name]], lambda api: has_run(api, path))
            return bool(is_in_run)

        def cleared_in(name: str) -> Mapping[str, query_pb2.Sighting]:
            return self._cleared(runs[name], top, CauseRules(self._rules_of(run)))

        return sightings.groups(top.id, has_run_in, cleared_in)

    def _cleared(
        self, run: query_pb2.Run, before: query_pb2.Run, rules: CauseRules
    ) -> Mapping[str, query_pb2.Sighting]:
        """Returns the causes of a run that passed in reruns older than `before`, with the last of these."""
        ids = [sibling.id for sibling in self._siblings(run.ident)]
        older = set(ids[ids.index(before.id) + 1 :]) if before.id in ids else set[str]()
        reruns = [rerun for rerun in self.reruns(run) if rerun.id in older]
        if not reruns:
            return {}
        cleared = cleared_causes(self, run, reruns, rules)
        used = [rerun for rerun in reruns if rerun.id in cleared.values()]
        seen = self._each(used, lambda api: sighting_of(api.get_run(qs.GetRunRequest()).run))
        sightings = {rerun.id: sighting for rerun, sighting in seen if sighting is not None}
        return {cause: sightings[rerun] for cause, rerun in cleared.items() if rerun in sightings}

    def _rules_of(self, run: query_pb2.Run) -> Sequence[spec_pb2.CauseRule]:
        """Returns the rules of a run, by which the causes of earlier runs are named too."""
        recorded = rules_of(self._folders[run.id]) if run.id in self._folders else ()
        return CauseRules(recorded).followed_by(CauseRules(self._rules)).rules

    def _others(self, top: query_pb2.Run) -> list[query_pb2.Run]:
        """Returns the other runs of the series of a run, newest first."""
        selection = WHOLE if top.parent else top.selection
        return [other for other in self.runs(top.ident, selection, MAX_RUNS_OF_IDENT) if other.id != top.id]

    def _each(
        self, runs: Iterable[query_pb2.Run], query: Callable[[RunApi], Answer]
    ) -> Iterator[tuple[query_pb2.Run, Answer | None]]:
        """Yields each run with the answer to a query.

        The answer is None for a run that cannot be read, which is reported on stderr.
        """
        for run in runs:
            try:
                with self._open_api(run) as api:
                    answer = query(api)
            except (GatorError, UserError) as error:
                self._warn(f"gator: left out: {error}")
                yield run, None
            else:
                yield run, answer

    @contextmanager
    def _open_api(self, run: query_pb2.Run) -> Generator[RunApi]:
        if run.id not in self._folders:
            self._siblings(run.ident)
        if run.id not in self._folders:
            raise NotFoundError(f"the run {run.id} is not {self.location}: name its folder with --tracking")
        with open_api(self._folders[run.id]) as api:
            yield ruled(api, self._rules)

    def _check_time(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise UnavailableError(
                f"the runs {self.location} could not be read within {self._total_seconds:g}s: "
                "name the jobs by their paths"
            )

    def _find_siblings(self, ident: str) -> Sequence[query_pb2.Run]:
        """Returns the newest runs of an ident by their recorded starts, newest first."""
        siblings: list[query_pb2.Run] = []
        for folder in found_runs(self._tracking):
            self._check_time()
            if len(siblings) == MAX_RUNS_OF_IDENT:
                break
            if not folder.has_ident(ident):
                continue
            run = described(folder)
            if run is not None and run.ident == ident:
                self._folders[run.id] = folder
                siblings.append(run)
        return siblings
