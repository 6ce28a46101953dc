"""The failures of a run with its reruns overlaid.

Invariant: reruns are overlaid only on a run named by `latest` or an ident, not by id or folder.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from gator.cli import output
from gator.cli.options.sort import sort_value
from gator.cli.runs.api import UnreadableRun, read_run
from gator.cli.runs.find import LATEST, described, select
from gator.cli.runs.hub_choice import PREFIX
from gator.cli.runs.run_text import outcome_of, selection_text
from gator.cli.sources.open import OpenRun
from gator.cli.sources.source import FolderSource, RunSource
from gator.cli.tracking import tracking_root
from gator.console import describe
from gator.core.history.flaky import Flakiness, is_at_commit
from gator.core.history.overlay import EndedNodes, OverlaidJob, SpecOrder, overlay_outcomes
from gator.core.launch.parameters import params_of_runs, value_of
from gator.core.launch.printed import command, in_folder
from gator.core.launch.variables import changed_variables
from gator.core.outcomes import FAILURES
from gator.path_patterns import PathPattern
from gator.units import plural, some_of
from gator.v1 import common_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_CHANGES = 3
"""Maximum number of parameters that are named."""
_ENDED = (common_pb2.OUTCOME_PASSED, *sorted(FAILURES))


class FailedIn(Struct, frozen=True):
    """A failed job, and the run in which it failed."""

    node: query_pb2.Node
    run: query_pb2.Run
    source: RunSource
    newest: query_pb2.Run | None = None
    """The newest rerun; None if no reruns are overlaid."""
    flaky: Flakiness | None = None
    """How the job ended under the same conditions if it is flaky and was compared with other runs."""
    passed: str = ""
    """Why a pass in a rerun does not clear the failure; empty if there is none."""

    def commit(self) -> str:
        """Returns the commit of the run, if that of the newest rerun is another one; else empty."""
        if self.newest is None or not self.run.git.commit:
            return ""
        newest = self.newest.git.commit
        if newest in ("", self.run.git.commit):
            return ""
        return f"{describe.revision(self.run.git)}; the newest rerun is at {newest[:8]}"


class OverlaidRun(Struct, frozen=True):
    """A run with its reruns overlaid."""

    run: query_pb2.Run
    sources: Mapping[str, RunSource]
    """The source of each run, by its id."""
    runs: Mapping[str, query_pb2.Run]
    """The run and its reruns in the order of their starts, by id."""
    jobs: Mapping[str, OverlaidJob]
    """The jobs that failed in the run and all jobs that ran in a rerun, by path.

    Groups that failed themselves are among them.
    """
    nodes: Mapping[tuple[str, str], query_pb2.Node]
    """Failed nodes by run and path."""
    spec_order: SpecOrder
    """Sort keys for the order of the spec, by path."""

    def failed(self, globs: Sequence[str], order: qs.NodeOrder.ValueType) -> Iterator[FailedIn]:
        """Yields the jobs that still fail, in an order."""
        patterns = [PathPattern(glob) for glob in globs]
        newest = list(self.runs.values())[-1]
        nodes = (self.nodes[job.run, path] for path, job in self.jobs.items() if job.outcome in FAILURES)
        for node in sorted(nodes, key=lambda node: (sort_value(node, order), self.spec_order.of(node.path))):
            if not patterns or any(pattern.matches(node.path) for pattern in patterns):
                run = self.jobs[node.path].run
                passed = self._about_pass(self.jobs[node.path])
                yield FailedIn(node, self.runs[run], self.sources[run], newest, passed=passed)

    def _about_pass(self, job: OverlaidJob) -> str:
        """Returns `in rerun 04d90712 with hang=false instead of true, which does not count`, or nothing."""
        if job.passed is None:
            return ""
        run, seed = job.passed
        before, after = self.runs[job.run].params, self.runs[run].params
        changed = [
            f"{name}={value_of(after, name) or ''} instead of {value_of(before, name) or ''}"
            for name in sorted({*before, *after})
            if value_of(before, name) != value_of(after, name)
        ]
        if seed != job.seed:
            changed.append(f"seed {seed} instead of {job.seed}")
        return f"in rerun {run[:8]} with {some_of(changed, _MAX_CHANGES)}, which does not count"

    def mended(self) -> dict[str, list[str]]:
        """Returns the jobs that failed and then passed at the same commit, with the same seed.

        Each has the variables of the launch that differed, such as `MODE=bad, then MODE=good`.
        """
        found: dict[str, list[str]] = {}
        for path, job in self.jobs.items():
            if job.outcome != common_pb2.OUTCOME_PASSED or job.is_group:
                continue
            failed = [run for run in self.runs if (run, path) in self.nodes and self._is_alike(run, job.run)]
            if failed:
                changes = [changed_variables(self.runs[run], self.runs[job.run]) for run in failed]
                found[path] = min(changes, key=len)
        return found

    def _is_alike(self, run: str, other: str) -> bool:
        git = self.runs[run].git
        return bool(git.commit) and not git.dirty and is_at_commit(self.runs[other], self.runs[run])

    def headline(self) -> str:
        """Returns a line such as `run 3a700579 of nightly overlaid with 2 reruns: 5ad0c1f2, 77e01b9c`."""
        reruns = [run[:8] for run in self.runs if run != self.run.id]
        names = f"{', '.join(reruns[:5])}{', …' if len(reruns) > 5 else ''}"
        count = plural(len(reruns), "rerun")
        return output.paint(
            f"run {self.run.id[:8]} of {self.run.ident} overlaid with {count}: {names}", "dim"
        )


def line_of(run_name: str | None) -> str:
    """Returns the name to open; by default `latest`, which is never a rerun that came later."""
    return LATEST if run_name is None else run_name


def overlay_repeats(opened: OpenRun, run_name: str | None) -> OverlaidRun | None:
    """Returns a run with its reruns overlaid; None if it has none or was named by its id or folder."""
    name = (run_name or "").removeprefix(PREFIX)
    if name not in ("", LATEST, opened.run.ident):
        return None
    history = opened.source.history()
    reruns = history.reruns(opened.run)
    if not reruns:
        return None
    runs = {run.id: run for run in (opened.run, *reruns)}
    nodes: dict[tuple[str, str], query_pb2.Node] = {}
    spec_order = SpecOrder()
    ended = EndedNodes()

    def jobs(run: query_pb2.Run) -> Iterator[tuple[str, common_pb2.Outcome.ValueType, int]]:
        outcomes = sorted(FAILURES) if run is opened.run else _ENDED
        spec_order.begin_run()
        for node in history.nodes(run, outcomes, only_jobs=False):
            if node not in ended:
                continue
            spec_order.add(node.path)
            if node.outcome in FAILURES:
                nodes[run.id, node.path] = node
            yield node.path, node.outcome, node.seed

    # A list of runs has no command lines, so the reruns are fetched individually.
    for rerun in reruns:
        runs[rerun.id] = history.full_run(rerun)
    params = params_of_runs(runs.values())
    overlaid = overlay_outcomes(((run.id, jobs(run)) for run in runs.values()), params)
    for path in ended.groups():
        overlaid[path].is_group = True
    sources = {run.id: opened.source if run is opened.run else opened.source.of(run) for run in runs.values()}
    return OverlaidRun(opened.run, sources, runs, overlaid, nodes, spec_order)


def later_part(opened: OpenRun, overlaid: OverlaidRun | None, tracking: Path | None) -> str:
    """Returns a notice if a later run that is not a rerun of this one is not shown; else empty."""
    if not isinstance(opened.source, FolderSource):
        return ""
    found_run = select(None, tracking_root(tracking))
    newest = described(found_run)
    if newest is None or newest.id in (overlaid.runs if overlaid is not None else (opened.run.id,)):
        return ""
    part = selection_text(newest) or "the whole spec"
    whole = read_run(found_run)
    outcome = "" if isinstance(whole, UnreadableRun) else outcome_of(whole)
    ended = f" ({outcome})" if outcome else ""
    shown = command("failures", where=in_folder(newest.folder))
    return (
        f"showing run {opened.run.id[:8]} of {selection_text(opened.run) or 'the whole spec'}; "
        f"for the newer run of {part}{ended}: {shown}"
    )
