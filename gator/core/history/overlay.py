"""The outcomes of the jobs of a run with its reruns overlaid.

Invariant: a rerun turns a failure into a pass only with the same seed and parameters, because a test that
passes with others proves nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from msgspec import Struct, field

from gator.core.outcomes import FAILURES, has_failed_itself
from gator.v1 import common_pb2, event_pb2, query_pb2

Ended: TypeAlias = tuple[str, common_pb2.Outcome.ValueType, int]
"""Path, outcome and seed of a job of one run."""
Params: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values of the parameters of a run, sorted by name."""
Conditions: TypeAlias = tuple[int, Params]
"""The seed of a job, and the parameters of its run."""


class OverlaidJob(Struct):
    """A job, or a group that failed itself, that passed, failed or was lost in at least one of the runs."""

    run: str
    """Id of the run with the outcome."""
    outcome: common_pb2.Outcome.ValueType
    seed: int
    """Seed of the job in that run."""
    is_group: bool = False
    """Whether it is a group that failed itself."""
    failures: dict[Conditions, tuple[str, common_pb2.Outcome.ValueType]] = field(
        default_factory=dict[Conditions, tuple[str, common_pb2.Outcome.ValueType]]
    )
    """Failures not followed by a pass under the same conditions: the last run and its outcome."""
    passed: tuple[str, int] | None = None
    """The run, and the seed in it, of a later pass under other conditions that does not clear the failure."""

    def add(self, run: str, outcome: common_pb2.Outcome.ValueType, seed: int, params: Params) -> None:
        """Overlays the outcome of a later run."""
        # Moved to the end, so that the newest failure is shown.
        self.failures.pop((seed, params), None)
        self.passed = None if outcome in FAILURES or not self.failures else (run, seed)
        if outcome in FAILURES:
            self.failures[seed, params] = run, outcome
        self.run, self.outcome, self.seed = run, outcome, seed
        if self.failures and outcome not in FAILURES:
            (self.seed, _), (self.run, self.outcome) = next(reversed(self.failures.items()))


class EndedNodes:
    """Picks the nodes of a run and its reruns whose outcomes count: jobs, and groups that failed themselves.

    A group fails itself because of a contract or a hook. It counts as passed in a rerun in which all
    contracts hold that were broken.
    """

    def __init__(self) -> None:
        self._groups: dict[str, query_pb2.Node] = {}

    def __contains__(self, node: query_pb2.Node) -> bool:
        if node.kind == common_pb2.NODE_KIND_JOB:
            return True
        if node.outcome in FAILURES:
            if has_failed_itself(node):
                self._groups[node.path] = node
            return has_failed_itself(node)
        failed = self._groups.get(node.path)
        if failed is None:
            return False
        broken = _contracts(failed, event_pb2.CONTRACT_STATE_BROKEN)
        return broken <= _contracts(node, event_pb2.CONTRACT_STATE_HELD)

    def groups(self) -> Iterable[str]:
        """Returns the paths of the groups that failed themselves in one of the runs."""
        return self._groups.keys()


def _contracts(node: query_pb2.Node, state: event_pb2.ContractState.ValueType) -> set[tuple[str, str, str]]:
    """Returns metric, figure and condition of the contracts in a state."""
    return {(each.metric, each.figure, each.condition) for each in node.contracts.list if each.state == state}


def overlay_outcomes(
    runs: Iterable[tuple[str, Iterable[Ended]]], params: Mapping[str, Params] = MappingProxyType({})
) -> dict[str, OverlaidJob]:
    """Returns the jobs of a run and its reruns, which come in the order of their starts, by path.

    Each run is its id and its jobs; `params` has the parameters of runs by their ids. A job that did not run
    in a rerun (cancelled, pruned, not ended) keeps its earlier outcome.
    """
    jobs: dict[str, OverlaidJob] = {}
    for run, ends in runs:
        for path, outcome, seed in ends:
            if outcome != common_pb2.OUTCOME_PASSED and outcome not in FAILURES:
                continue
            job = jobs.get(path)
            if job is None:
                job = jobs[path] = OverlaidJob(run, outcome, seed)
            job.add(run, outcome, seed, params.get(run, ()))
    return jobs


def clearing_rerun(
    jobs: Mapping[str, OverlaidJob], paths: Iterable[str], reruns: Sequence[str]
) -> str | None:
    """Returns the id of the last rerun in which one of these jobs passed, if all of them have.

    `jobs` are those of the run with its `reruns` overlaid, whose ids come in the order of their starts.
    """
    at = [jobs[path] for path in paths if path in jobs]
    if any(job.outcome in FAILURES for job in at):
        return None
    used = {job.run for job in at}
    return next((rerun for rerun in reversed(reruns) if rerun in used), None)


class SpecOrder:
    """The order of the jobs of several runs that each ran a part of the spec, in its order.

    A job that is in none of the earlier runs comes right after its predecessor.
    """

    __slots__ = ("_above", "_positions", "_run", "_taken")

    def __init__(self) -> None:
        self._positions: dict[str, tuple[int, ...]] = {}
        self._run = 1

    def begin_run(self) -> None:
        """Begins the jobs of another run."""
        self._run -= 1
        self._taken = 0
        self._above: tuple[int, ...] = ()
        """Sort key of the last job that an earlier run also has."""

    def add(self, path: str) -> None:
        """Adds the next job of the run."""
        position = self._positions.get(path)
        if position is not None:
            self._above = position
            return
        # Later runs have smaller numbers, so their jobs come before those placed after the same job earlier.
        self._positions[path] = (*self._above, self._run, self._taken)
        self._taken += 1

    def of(self, path: str) -> tuple[int, ...]:
        """Returns the sort key of a job."""
        return self._positions[path]
