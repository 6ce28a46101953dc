"""What came of the jobs of a run, with the runs that repeat parts of it laid over.

Invariant: a repeat turns a failure into a pass only with the seed with which the job failed, because a random
test that passes with another seed proves nothing.
"""

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct, field

from gator.v1 import common_pb2 as pb

Ended: TypeAlias = tuple[str, pb.Outcome.ValueType, int]
"""Path, outcome and seed of a job of one run."""
FAILURES = frozenset((pb.OUTCOME_FAILED, pb.OUTCOME_LOST))


class LaidJob(Struct):
    """A job that passed, failed or was lost in one of the runs at least."""

    run: str
    """Id of the run that had the outcome."""
    outcome: pb.Outcome.ValueType
    seed: int
    """Seed of the job in that run."""
    failures: dict[int, tuple[str, pb.Outcome.ValueType]] = field(
        default_factory=dict[int, tuple[str, pb.Outcome.ValueType]]
    )
    """Failures that no pass with the same seed followed: by seed, the last run and its outcome."""

    def add(self, run: str, outcome: pb.Outcome.ValueType, seed: int) -> None:
        """Lay the outcome of a later run over those before."""
        # Put last, so that the newest failure is the one that is shown.
        self.failures.pop(seed, None)
        if outcome in FAILURES:
            self.failures[seed] = run, outcome
        self.run, self.outcome, self.seed = run, outcome, seed
        if self.failures and outcome not in FAILURES:
            self.seed, (self.run, self.outcome) = next(reversed(self.failures.items()))


def lay_over(runs: Iterable[tuple[str, Iterable[Ended]]]) -> dict[str, LaidJob]:
    """Returns the jobs by path, of a run and its repeats in the order of their starts.

    Each run is its id and its jobs. A job that did not run there, since it was cancelled, pruned or has not
    ended, leaves what was known of it before.
    """
    jobs: dict[str, LaidJob] = {}
    for run, ends in runs:
        for path, outcome, seed in ends:
            if outcome != pb.OUTCOME_PASSED and outcome not in FAILURES:
                continue
            job = jobs.get(path)
            if job is None:
                job = jobs[path] = LaidJob(run, outcome, seed)
            job.add(run, outcome, seed)
    return jobs
