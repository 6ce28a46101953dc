"""Outcomes of the jobs of a run with its repeats overlaid."""

from hypothesis import given
from hypothesis import strategies as st

from gator.core.history.overlay import Ended, OverlaidJob, SpecOrder, overlay_outcomes
from gator.core.outcomes import FAILURES
from gator.v1 import common_pb2

PASSED, FAILED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST
CANCELLED, PRUNED = common_pb2.OUTCOME_CANCELLED, common_pb2.OUTCOME_PRUNED


def overlaid(*ends: tuple[common_pb2.Outcome.ValueType, int]) -> OverlaidJob:
    """One job over runs that are called a, b, …, by its outcome and seed in each."""
    runs = [(chr(ord("a") + at), [("top/x", *end)]) for at, end in enumerate(ends)]
    return overlay_outcomes(runs)["top/x"]


def test_a_job_has_the_newest_outcome() -> None:
    assert overlaid((FAILED, 1), (PASSED, 1)).outcome == PASSED
    assert overlaid((PASSED, 1), (FAILED, 1)).outcome == FAILED
    assert overlaid((FAILED, 1), (PASSED, 1), (LOST, 1)).outcome == LOST
    assert overlaid((FAILED, 1), (LOST, 1)).run == "b"


def test_a_job_that_did_not_run_keeps_what_was_known_of_it() -> None:
    for outcome in (CANCELLED, PRUNED, common_pb2.OUTCOME_UNSPECIFIED):
        assert overlaid((FAILED, 1), (outcome, 1)).outcome == FAILED
        assert overlaid((PASSED, 1), (outcome, 1)).outcome == PASSED
        assert overlay_outcomes([("a", [("top/x", outcome, 1)])]) == {}


def test_a_pass_with_another_seed_mends_nothing() -> None:
    job = overlaid((FAILED, 1), (PASSED, 2))
    assert (job.outcome, job.run, job.seed) == (FAILED, "a", 1)


def test_a_pass_with_other_parameters_mends_nothing() -> None:
    runs = [("a", [("top/x", FAILED, 1)]), ("b", [("top/x", PASSED, 1)])]
    other = {"a": (("hang", "true"),), "b": (("hang", "false"),)}
    assert overlay_outcomes(runs, other)["top/x"].outcome == FAILED
    assert overlay_outcomes(runs, {**other, "b": other["a"]})["top/x"].outcome == PASSED


def test_a_pass_that_mends_nothing_is_kept_until_the_job_fails_again() -> None:
    assert overlaid((FAILED, 1), (PASSED, 2)).passed == ("b", 2)
    assert overlaid((FAILED, 1), (PASSED, 2), (FAILED, 2)).passed is None
    assert overlaid((FAILED, 1), (PASSED, 1)).passed is None


def test_each_seed_that_failed_has_to_pass() -> None:
    job = overlaid((FAILED, 1), (FAILED, 2), (PASSED, 2))
    assert (job.outcome, job.run, job.seed) == (FAILED, "a", 1)
    assert overlaid((FAILED, 1), (FAILED, 2), (PASSED, 2), (PASSED, 1)).outcome == PASSED


def test_a_failure_with_another_seed_counts() -> None:
    job = overlaid((PASSED, 1), (FAILED, 2), (PASSED, 1))
    assert (job.outcome, job.run, job.seed) == (FAILED, "b", 2)


def test_jobs_that_only_a_repeat_has_are_there() -> None:
    jobs = overlay_outcomes([("a", [("top/x", FAILED, 1)]), ("b", [("top/new", PASSED, 1)])])
    assert {path: job.outcome for path, job in jobs.items()} == {"top/x": FAILED, "top/new": PASSED}


ENDS = st.tuples(st.sampled_from([PASSED, FAILED, LOST, CANCELLED]), st.integers(1, 3))


@given(st.lists(ENDS, min_size=1, max_size=8))
def test_a_job_fails_as_long_as_a_seed_failed_last(
    ends: list[tuple[common_pb2.Outcome.ValueType, int]],
) -> None:
    runs: list[tuple[str, list[Ended]]] = [(str(at), [("x", *end)]) for at, end in enumerate(ends)]
    job = overlay_outcomes(runs).get("x")
    last = {seed: outcome for outcome, seed in ends if outcome != CANCELLED}
    assert (job is None) == (not last)
    if job is not None:
        fails = any(outcome in FAILURES for outcome in last.values())
        assert (job.outcome in FAILURES) == fails
        assert ends[int(job.run)] == (job.outcome, job.seed)


def test_jobs_of_several_runs_keep_the_order_of_the_spec() -> None:
    places = SpecOrder()
    for run in ("bdg", "abce", "cdf", "xbyd"):
        places.begin_run()
        for path in run:
            places.add(path)
    assert "".join(sorted("abcdefgxy", key=places.of)) == "xabyc" + "edfg"
