"""Group Results folded from their children."""

import itertools
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.tree.outcomes.group_result import GroupFold
from gator.v1 import common_pb2, event_pb2

_FIELD = {
    common_pb2.OUTCOME_PASSED: "passed",
    common_pb2.OUTCOME_FAILED: "failed",
    common_pb2.OUTCOME_PRUNED: "pruned",
    common_pb2.OUTCOME_CANCELLED: "cancelled",
    common_pb2.OUTCOME_LOST: "lost",
}


def job(
    outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_PASSED,
    reason: common_pb2.Reason.ValueType = common_pb2.REASON_UNSPECIFIED,
    *,
    allow_failure: bool = False,
    error: str = "",
    ended: int = 0,
) -> event_pb2.Result:
    return event_pb2.Result(
        outcome=outcome,
        reason=reason,
        attempts=1,
        allow_failure=allow_failure,
        first_error=event_pb2.ErrorMessage(text=error) if error else None,
        jobs=event_pb2.Tally(**{_FIELD[outcome]: 1}),
        first_failure_unix_nanos=ended,
    )


def fold(*results: event_pb2.Result) -> event_pb2.Result:
    return fold_named({f"g/j{at}": result for at, result in enumerate(results)})


def fold_named(results: Mapping[str, event_pb2.Result]) -> event_pb2.Result:
    group = GroupFold()
    for path, result in results.items():
        group.add(path, result)
    return group.finish(wall_nanos=5, allow_failure=False)


PASSED = job()
FAILED = job(common_pb2.OUTCOME_FAILED, common_pb2.REASON_EXIT)
LOST = job(common_pb2.OUTCOME_LOST, common_pb2.REASON_LOST)
CANCELLED = job(common_pb2.OUTCOME_CANCELLED, common_pb2.REASON_DEADLINE)
PRUNED = job(common_pb2.OUTCOME_PRUNED, common_pb2.REASON_DEPENDENCY)
NOT_NEEDED = job(common_pb2.OUTCOME_PRUNED, common_pb2.REASON_NOT_NEEDED)


def test_a_group_takes_the_worst_outcome_in_any_order() -> None:
    ranked = [FAILED, LOST, CANCELLED, PRUNED, PASSED]
    for children in itertools.permutations(ranked, 3):
        worst = min(children, key=ranked.index)
        assert fold(*children).outcome == worst.outcome


def test_a_group_without_children_passes() -> None:
    assert fold().outcome == common_pb2.OUTCOME_PASSED
    assert fold().message == ""


def test_handlers_that_were_not_needed_are_neutral() -> None:
    assert fold(PASSED, NOT_NEEDED).outcome == common_pb2.OUTCOME_PASSED
    not_selected = job(common_pb2.OUTCOME_PRUNED, common_pb2.REASON_NOT_SELECTED)
    assert fold(PASSED, not_selected).outcome == common_pb2.OUTCOME_PASSED


@pytest.mark.parametrize("outcome", [common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST])
def test_a_child_that_may_fail_is_neutral_but_counted(outcome: common_pb2.Outcome.ValueType) -> None:
    result = fold(PASSED, job(outcome, common_pb2.REASON_EXIT, allow_failure=True, error="e"))
    assert result.outcome == common_pb2.OUTCOME_PASSED
    assert result.first_failure == ""
    assert not result.HasField("first_error")
    assert result.jobs.failed + result.jobs.lost == 1


def failure(ended: int, error: str = "", *, allow_failure: bool = False) -> event_pb2.Result:
    return job(
        common_pb2.OUTCOME_FAILED,
        common_pb2.REASON_EXIT,
        error=error,
        ended=ended,
        allow_failure=allow_failure,
    )


def test_a_failed_group_names_the_earliest_failure_below_whatever_child_ends_first() -> None:
    inner = fold_named({"top/g/early": failure(10, "EARLY"), "top/g/late": PASSED})
    result = fold_named({"top/late": failure(20, "LATE"), "top/g": inner})
    assert result.reason == common_pb2.REASON_CHILD
    assert result.first_failure == "top/g/early"
    assert result.first_failure_unix_nanos == 10
    assert (result.first_error.text, result.first_error.path) == ("EARLY", "top/g/early")
    assert result.message == "2 of 3 jobs failed, the first was top/g/early"


def test_the_first_error_is_that_of_the_earliest_failure_that_has_one() -> None:
    inner = fold_named({"top/g/silent": failure(10), "top/g/late": failure(30, "late")})
    result = fold_named({"top/g": inner, "top/x": failure(20, "soon")})
    assert result.first_failure == "top/g/silent"
    assert (result.first_error.text, result.first_error.ended_unix_nanos) == ("soon", 20)


def test_failures_that_end_together_are_ordered_by_their_paths() -> None:
    ends = {"top/b": failure(10, "b"), "top/a": failure(10, "a")}
    for results in (ends, dict(reversed(ends.items()))):
        assert fold_named(results).first_failure == "top/a"
        assert fold_named(results).first_error.text == "a"


def test_a_failure_that_is_allowed_is_never_the_first() -> None:
    inner = fold_named({"top/g/a": failure(10, "allowed", allow_failure=True), "top/g/b": failure(30, "b")})
    result = fold_named({"top/g": inner})
    assert (result.first_failure, result.first_error.text) == ("top/g/b", "b")


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=1, max_size=4), st.randoms())
def test_the_first_failure_is_the_same_in_any_order_of_ends(groups: list[list[int]], random: Random) -> None:
    ends = [(end, f"t/g{at}/j{n}") for at, times in enumerate(groups) for n, end in enumerate(times)]
    folded = [
        (f"t/g{at}", fold_named({f"t/g{at}/j{n}": failure(end, f"{end}") for n, end in enumerate(times)}))
        for at, times in enumerate(groups)
    ]
    random.shuffle(folded)
    result = fold_named(dict(folded))
    assert (result.first_failure_unix_nanos, result.first_failure) == min(ends)
    assert result.first_error.path == result.first_failure


def test_a_group_whose_only_job_failed_says_why() -> None:
    only = job(common_pb2.OUTCOME_FAILED, common_pb2.REASON_EXIT)
    only.message = "exited with code 3"
    assert fold(fold(only)).message == "exited with code 3"
    assert fold(FAILED).message == "1 of 1 job failed, the first was g/j0"


def test_a_cancelled_group_says_why() -> None:
    late = event_pb2.Result()
    late.CopyFrom(CANCELLED)
    late.message = "the deadline of g passed"
    group = fold(PASSED, late, CANCELLED)
    assert (group.reason, group.message) == (common_pb2.REASON_DEADLINE, "the deadline of g passed")


def test_counts_and_usage_are_summed_and_peaks_are_the_greatest() -> None:
    one = job()
    one.counts.error = 2
    one.usage.CopyFrom(event_pb2.Usage(wall_nanos=7, user_nanos=3, system_nanos=1, peak_memory_bytes=100))
    two = job()
    two.counts.error = 3
    two.counts.info = 1
    two.usage.CopyFrom(event_pb2.Usage(wall_nanos=7, user_nanos=4, peak_memory_bytes=60))
    result = fold(one, two)
    assert (result.counts.error, result.counts.info) == (5, 1)
    assert result.usage == event_pb2.Usage(wall_nanos=5, user_nanos=7, system_nanos=1, peak_memory_bytes=100)
    assert result.attempts == 2


def test_metrics_are_folded_by_kind() -> None:
    def with_metrics(value: float, count: int) -> event_pb2.Result:
        result = job()
        for kind in event_pb2.MetricKind.values():
            name = event_pb2.MetricKind.Name(kind)
            result.metrics.add(
                name=name,
                value=value,
                kind=kind,
                unit="u",
                count=count,
                min=value,
                max=value,
                sum=value * count,
            )
        return result

    totals = {
        m.name.removeprefix("METRIC_KIND_"): m for m in fold(with_metrics(1, 1), with_metrics(4, 2)).metrics
    }
    assert {name: total.value for name, total in totals.items()} == {
        "UNSPECIFIED": 5,
        "LAST": 5,
        "SUM": 9,
        "MIN": 1,
        "MAX": 4,
        "MEAN": 3,
    }
    assert {total.count for total in totals.values()} == {3}


CHILDREN = st.sampled_from([PASSED, FAILED, LOST, CANCELLED, PRUNED, NOT_NEEDED])


@given(st.lists(st.lists(CHILDREN, min_size=1), min_size=1))
def test_folding_through_groups_gives_the_same_outcome_and_tally(
    groups: list[list[event_pb2.Result]],
) -> None:
    flat = fold(*itertools.chain.from_iterable(groups))
    nested = fold(*(fold(*children) for children in groups))
    assert nested.outcome == flat.outcome
    assert nested.jobs == flat.jobs
