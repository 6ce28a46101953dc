"""Determines whether a job is flaky: whether it passed and failed under the same conditions.

Invariant: the conditions are a commit without changes, the seed of the job and the parameters of the run.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from gator.units import plural
from gator.v1 import common_pb2, query_pb2


def is_at_commit(other: query_pb2.Run, run: query_pb2.Run) -> bool:
    """Returns whether another run had the commit of a run, without uncommitted changes."""
    return other.git.commit == run.git.commit and not other.git.dirty


class JobEnd(NamedTuple):
    """How a job ended in one run."""

    outcome: common_pb2.Outcome.ValueType
    seed: int
    passed_after_retry: bool


class Flakiness(Struct, frozen=True):
    """The runs of a flaky job under the same conditions."""

    failed: int
    """Number of runs in which it failed, or passed only after a retry."""
    retried: int
    """Number of runs in which it passed only after a retry."""
    runs: int
    """Number of runs in which it ran to its end."""
    commit: str
    seed: int

    def describe(self) -> str:
        """Returns `failed in 2 of 5 runs at commit 3f2a91c0 with seed 7, in 1 of them before a retry`."""
        retried = f", in {self.retried} of them before a retry" if self.retried else ""
        runs = f"{self.failed} of {plural(self.runs, 'run')}"
        return f"failed in {runs} at commit {self.commit[:8]} with seed {self.seed}{retried}"


def flakiness(ends: Iterable[JobEnd], commit: str, seed: int) -> Flakiness | None:
    """Returns the runs of a job at a commit with a seed if it is flaky; else None."""
    alike = [end for end in ends if end.seed == seed]
    passed = sum(end.outcome == common_pb2.OUTCOME_PASSED for end in alike)
    failed = sum(end.outcome == common_pb2.OUTCOME_FAILED for end in alike)
    retried = sum(end.passed_after_retry for end in alike)
    if not retried and not (passed and failed):
        return None
    retried_passes = sum(end.passed_after_retry and end.outcome == common_pb2.OUTCOME_PASSED for end in alike)
    return Flakiness(failed + retried_passes, retried, passed + failed, commit, seed)
