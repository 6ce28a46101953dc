from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gator.core.history.sightings import BACK, KNOWN, NEW, Ran, add_sightings
from gator.v1 import query_pb2


def sighting(number: int) -> query_pb2.Sighting:
    return query_pb2.Sighting(run=f"r{number}", started_unix_nanos=number)


def ran_in(text: str) -> Ran:
    return lambda run, seen_in: text[run.started_unix_nanos - 1] != "-"


def uncleared(run: query_pb2.Sighting) -> None:
    """No failure passed in a rerun."""


def group_of(text: str, this: int | None = None) -> query_pb2.FailureGroup:
    """The group of a series: `F` is a run with the failure, `.` one without, `-` one without its job."""
    series = [sighting(number) for number in range(1, len(text) + 1)]
    seen = {f"r{number}" for number, mark in enumerate(text, 1) if mark == "F"}
    group = query_pb2.FailureGroup()
    add_sightings(group, sighting(this or len(text)), series, seen, ran_in(text), uncleared)
    return group


def names(group: query_pb2.FailureGroup) -> Sequence[str]:
    return group.first.run, group.before.run, group.since.run, group.good.run


def test_a_cause_that_no_earlier_run_had_is_new() -> None:
    group = group_of("..F")
    assert group.state == NEW
    assert names(group) == ("r3", "", "r3", "r2")
    assert group.runs == 1


def test_a_cause_in_the_first_run_of_a_series_is_new_since_no_run() -> None:
    assert group_of("F").state == NEW
    assert names(group_of("F")) == ("r1", "", "r1", "")


def test_a_cause_that_the_last_run_had_is_known_since_its_streak_began() -> None:
    group = group_of("F.FFF")
    assert group.state == KNOWN
    assert names(group) == ("r1", "r4", "r3", "r2")
    assert group.runs == 4


def test_a_cause_that_only_older_runs_had_is_back() -> None:
    group = group_of("FF..F")
    assert group.state == BACK
    assert names(group) == ("r1", "r2", "r5", "r4")


def test_a_run_in_which_the_job_did_not_run_is_not_a_good_run() -> None:
    assert group_of(".F-F").state == KNOWN
    assert names(group_of(".F-F")) == ("r2", "r2", "r2", "r1")
    assert names(group_of(".-F")) == ("r3", "", "r3", "r1")


def test_later_runs_count_but_do_not_make_a_cause_known() -> None:
    group = group_of(".F.F", this=2)
    assert group.state == NEW
    assert group.runs == 2


def test_a_cause_that_passed_in_a_rerun_of_an_earlier_run_is_back_since_the_rerun() -> None:
    rerun = query_pb2.Sighting(run="again", started_unix_nanos=2)

    def cleared(run: query_pb2.Sighting) -> query_pb2.Sighting | None:
        return rerun if run.run == "r2" else None

    def seen(text: str) -> query_pb2.FailureGroup:
        series = [sighting(number) for number in range(1, len(text) + 1)]
        having = {f"r{number}" for number, mark in enumerate(text, 1) if mark == "F"}
        group = query_pb2.FailureGroup()
        add_sightings(group, sighting(len(text)), series, having, ran_in(text), cleared)
        return group

    assert seen("FFF").state == BACK
    assert names(seen("FFF")) == ("r1", "r2", "r3", "again")
    assert seen("FFF").runs == 3
    # A run that failed since is a part of the streak that the rerun ended before.
    assert seen("FFFF").state == KNOWN
    assert names(seen("FFFF")) == ("r1", "r3", "r3", "again")
    # A run that was good since is the last good one.
    assert names(seen("FF.F")) == ("r1", "r2", "r4", "r3")


def test_a_run_that_is_not_in_the_series_is_compared_with_it() -> None:
    series = [sighting(1), sighting(3)]
    group = query_pb2.FailureGroup()
    add_sightings(group, sighting(2), series, {"r1"}, ran_in("F.."), uncleared)
    assert group.state == KNOWN
    assert names(group) == ("r1", "r1", "r1", "")


@given(st.text("F.-", max_size=12), st.randoms())
def test_the_order_of_the_runs_does_not_matter(text: str, random: Random) -> None:
    marks = text + "F"
    series = [sighting(number) for number in range(1, len(marks) + 1)]
    seen = {f"r{number}" for number, mark in enumerate(marks, 1) if mark == "F"}
    random.shuffle(series)
    group = query_pb2.FailureGroup()
    add_sightings(group, sighting(len(marks)), series, seen, ran_in(marks), uncleared)
    assert group == group_of(marks)
