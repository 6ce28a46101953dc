"""Jobs that passed and failed under the same conditions."""

import pytest

from gator.core.history.flaky import Flakiness, JobEnd, flakiness, is_at_commit
from gator.v1 import common_pb2, query_pb2

PASSED, FAILED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST
COMMIT = "3f2a91c0" * 5


def flaky(*ends: tuple[common_pb2.Outcome.ValueType, int, bool]) -> Flakiness | None:
    return flakiness([JobEnd(*end) for end in ends], COMMIT, 7)


def test_a_job_that_passed_and_failed_with_one_seed_is_flaky() -> None:
    found = flaky((FAILED, 7, False), (PASSED, 7, False), (FAILED, 7, False), (FAILED, 8, False))
    assert found == Flakiness(2, 0, 3, COMMIT, 7)
    assert found is not None
    assert found.describe() == "failed in 2 of 3 runs at commit 3f2a91c0 with seed 7"


def test_a_job_that_passed_after_a_retry_is_flaky() -> None:
    found = flaky((PASSED, 7, True))
    assert found is not None
    assert found.describe() == (
        "failed in 1 of 1 run at commit 3f2a91c0 with seed 7, in 1 of them before a retry"
    )
    # The spec may say that such a job fails.
    assert flaky((FAILED, 7, True), (PASSED, 7, False)) == Flakiness(1, 1, 2, COMMIT, 7)


@pytest.mark.parametrize(
    "ends",
    [
        (),
        ((PASSED, 7, False), (PASSED, 7, False)),
        ((FAILED, 7, False), (FAILED, 7, False)),
        ((FAILED, 7, False), (PASSED, 8, False)),
        ((PASSED, 7, False), (LOST, 7, False)),
        ((PASSED, 8, True),),
    ],
)
def test_other_jobs_are_not(ends: tuple[tuple[common_pb2.Outcome.ValueType, int, bool], ...]) -> None:
    assert flaky(*ends) is None


def test_a_run_with_uncommitted_changes_is_not_at_its_commit() -> None:
    run = query_pb2.Run(git=query_pb2.Git(commit=COMMIT))
    assert is_at_commit(run, run)
    assert not is_at_commit(query_pb2.Run(git=query_pb2.Git(commit=COMMIT, dirty=True)), run)
    assert not is_at_commit(query_pb2.Run(git=query_pb2.Git(commit=COMMIT[::-1])), run)
