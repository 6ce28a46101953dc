"""Failures put together by their cause."""

from gator.core.history.failure_groups import Causes, FailedJob, grouped


def test_failures_are_counted_by_their_signature_and_the_first_is_the_example() -> None:
    causes = Causes[str]()
    for signature, path in (("a", "one"), ("b", "two"), ("b", "three"), ("c", "four")):
        causes.add({signature: path})
    assert causes.headline() == "4 failures, 3 causes"
    assert [(cause.key, cause.example, cause.count) for cause in causes.by_frequency()] == [
        ("b", "two", 2),
        ("a", "one", 1),
        ("c", "four", 1),
    ]


def test_of_very_many_causes_no_more_examples_are_kept_but_all_are_counted() -> None:
    causes = Causes[str]()
    for _ in range(2):
        for number in range(3000):
            causes.add({str(number): ""})
    assert causes.headline() == "6,000 failures, 3,000 causes"
    assert len(causes.by_frequency()) == 1000


def test_one_failure_has_one_cause() -> None:
    causes = Causes[str]()
    causes.add({"a": ""})
    assert causes.headline() == "1 failure, 1 cause"


def test_groups_of_failures_are_named_by_the_one_that_ended_first() -> None:
    jobs = [("t/b", "x", 9), ("t/a", "x", 9), ("t/z", "y", 1), ("t/y", "x", 12), ("t/c", "w", 3)]
    failed = [FailedJob(*job) for job in jobs]
    groups = [(one.first.signature, one.jobs, one.path) for one in grouped(failed)]
    assert groups == [("x", 3, "t/a"), ("y", 1, "t/z"), ("w", 1, "t/c")]
    assert [one.path for one in grouped(reversed(failed))] == ["t/a", "t/z", "t/c"]
