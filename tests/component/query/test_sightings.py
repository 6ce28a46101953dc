"""What commands say about the earlier runs of the causes of a run."""

import pytest

from gator.cli.history.sightings import Sightings
from gator.core.history.sightings import BACK, KNOWN, NEW
from gator.v1 import query_pb2


def git(word: str) -> query_pb2.Git:
    return query_pb2.Git(commit=word * 20)


def good(run: str, started: int) -> query_pb2.Sighting:
    return query_pb2.Sighting(run=run * 32, started_unix_nanos=started, git=git(f"{run}1"))


RUN = query_pb2.Run(id="f" * 32, git=git("f1"))
BEFORE = query_pb2.Run(id="b" * 32, git=git("b1"))
GROUPS = {
    "new": query_pb2.FailureGroup(state=NEW, good=good("c", 7)),
    "never ran": query_pb2.FailureGroup(state=NEW),
    "back": query_pb2.FailureGroup(state=BACK, good=good("d", 5)),
    "known": query_pb2.FailureGroup(state=KNOWN, good=good("e", 1)),
}


def test_a_new_cause_began_after_the_last_run_that_ran_its_job() -> None:
    described = Sightings(RUN, BEFORE, GROUPS).describe("new")
    assert described == "new since run cccccccc (commits c1c1c1c1..f1f1f1f1)"


def test_a_new_cause_whose_job_never_ran_names_no_earlier_run() -> None:
    described = Sightings(RUN, BEFORE, GROUPS).describe("never ran")
    assert described == "new: no earlier run ran the job to its end"


@pytest.mark.parametrize(
    ("causes", "headline"),
    [
        (["new", "known"], ", 1 new since run cccccccc (commits c1c1c1c1..f1f1f1f1)"),
        (["new", "back"], ", 1 new, 1 back since run dddddddd (commits d1d1d1d1..f1f1f1f1)"),
        (["new", "never ran"], ", 2 new since run cccccccc (commits c1c1c1c1..f1f1f1f1)"),
        (["never ran"], ", 1 new"),
        (["known"], ", 0 new since run bbbbbbbb (commits b1b1b1b1..f1f1f1f1)"),
    ],
)
def test_the_first_line_names_the_oldest_run_after_which_causes_appeared(
    causes: list[str], headline: str
) -> None:
    assert Sightings(RUN, BEFORE, GROUPS).headline(causes) == headline


def test_each_cause_of_the_first_run_of_a_series_is_new() -> None:
    first = Sightings(RUN, None, GROUPS)
    assert first.headline(["new"]) == " (first run of this series)"
    assert first.describe("new") == "new (first run of this series)"
