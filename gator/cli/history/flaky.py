"""Finds the flaky jobs of a run: those that passed and failed at its commit, with their seeds.

Invariant: takes a bounded time; a run that cannot be read does not count.
"""

import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from gator.core.history.flaky import Flakiness, JobEnd, flakiness
from gator.core.launch.parameters import params_of_runs
from gator.errors import GatorError, UserError
from gator.ports import History
from gator.v1 import common_pb2, query_pb2

MAX_JOBS: Final = 100
"""Maximum number of jobs of a run that are compared with other runs."""
MAX_RUNS_AT_COMMIT: Final = 20
"""Maximum number of runs at the commit that are read."""
_SECONDS: Final = 2.0
"""Timeout in seconds after which no further run is read."""


def flaky_jobs(history: History, run: query_pb2.Run, paths: Iterable[str]) -> dict[str, Flakiness]:
    """Returns those of the jobs of a run that are flaky. `run` must be a full description.

    The other runs are the newest of the same ident, reruns and other parts of the spec too. Nothing is known
    if the run has no commit, or changes that are not committed.
    """
    wanted = list(islice(paths, MAX_JOBS))
    commit = run.git.commit
    if not wanted or not commit or run.git.dirty:
        return {}
    ends: dict[str, list[JobEnd]] = {}
    seeds: dict[str, int] = {}
    started = time.monotonic()
    for other in _alike(history, run):
        if time.monotonic() - started > _SECONDS:
            break
        for node in _jobs(history, other, wanted):
            if other.id == run.id:
                seeds[node.path] = node.seed
            ends.setdefault(node.path, []).append(JobEnd(node.outcome, node.seed, node.tally.flaky > 0))
    by_path = {path: flakiness(ends[path], commit, seed) for path, seed in seeds.items()}
    return {path: flaky for path, flaky in by_path.items() if flaky is not None}


def _alike(history: History, run: query_pb2.Run) -> Sequence[query_pb2.Run]:
    """Returns the run, and then others at its commit with its parameters."""
    try:
        others = [other for other in history.at_commit(run, MAX_RUNS_AT_COMMIT) if other.id != run.id]
        params = params_of_runs([run, *others])
    except (GatorError, UserError):
        return [run]
    return [run, *(other for other in others if params[other.id] == params[run.id])]


def _jobs(history: History, run: query_pb2.Run, paths: Sequence[str]) -> Sequence[query_pb2.Node]:
    """Returns those of the jobs that a run has; none if it cannot be read."""
    try:
        nodes = list(history.nodes_at(run, paths))
    except (GatorError, UserError):
        return []
    return [node for node in nodes if node.kind == common_pb2.NODE_KIND_JOB]
