"""What a hub tells of many runs, by its service."""

import logging
from typing import Any

import pytest

from gator.core.history.sightings import BACK, KNOWN, NEW
from gator.errors import NotFoundError, PermissionDeniedError, PreconditionError, UsageError
from gator.v1 import common_pb2, event_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs
from gator_hub.queries.runs import OpenRuns, find_run
from gator_hub.server.hub_servicer import HubServicer
from tests.component.hub.queries.filled import FilledHub
from tests.component.hub.queries.many_runs import (
    COMMIT,
    FAILED,
    GOOD,
    LOST,
    PASSED,
    Caller,
    add,
    run_id,
    signed,
)
from tests.component.query import runs


async def ids(service: HubServicer, **wanted: Any) -> list[int]:
    response = await service.ListRuns(hs.ListRunsRequest(**wanted), None)
    return [int(run.id, 16) for run in response.runs]


async def test_runs_are_listed_the_newest_first_with_what_came_of_them(
    hub: FilledHub, service: HubServicer
) -> None:
    add(hub, 1, {"a": GOOD}, user="ada", labels={"kind": "nightly"})
    add(hub, 3, {"a": GOOD, "b": (FAILED, "x")}, user="bob", labels={"kind": "nightly", "on": "main"})
    add(hub, 2, {"a": GOOD}, "other", ended=False, connected=True, user="ada")
    runs_ = (await service.ListRuns(hs.ListRunsRequest(), None)).runs
    assert [int(run.id, 16) for run in runs_] == [3, 2, 1]
    assert runs_[0].tally == event_pb2.Tally(passed=1, failed=1)
    assert runs_[0].result.outcome == FAILED
    assert runs_[0].git.branch == "main"
    assert runs_[1].tally == event_pb2.Tally(passed=1)
    assert runs_[1].state == query_pb2.RUN_STATE_RUNNING


async def test_runs_are_filtered(hub: FilledHub, service: HubServicer) -> None:
    add(hub, 0xABCD01, {"a": GOOD}, user="ada", labels={"kind": "nightly"})
    add(hub, 0xABCD03, {"b": (FAILED, "x")}, user="bob", labels={"kind": "nightly", "on": "main"})
    add(hub, 0xABCD02, {"a": GOOD}, "other", ended=False, connected=True, user="ada")
    add(hub, 0xABCD04, {"a": GOOD}, "other", ended=False, user="ada")
    assert await ids(service, user="ada") == [0xABCD04, 0xABCD02, 0xABCD01]
    assert await ids(service, ident="top") == [0xABCD03, 0xABCD01]
    assert await ids(service, outcomes=[FAILED]) == [0xABCD03]
    assert await ids(service, labels={"kind": "nightly"}) == [0xABCD03, 0xABCD01]
    assert await ids(service, labels={"kind": "nightly", "on": "main"}) == [0xABCD03]
    assert await ids(service, states=[query_pb2.RUN_STATE_RUNNING]) == [0xABCD02]
    assert await ids(service, states=[query_pb2.RUN_STATE_UNSPECIFIED]) == [0xABCD04]
    assert await ids(service, states=[query_pb2.RUN_STATE_DIED]) == []
    assert await ids(service, from_unix_nanos=0xABCD03 * runs.SECOND) == [0xABCD04, 0xABCD03]
    assert await ids(service, until_unix_nanos=0xABCD02 * runs.SECOND) == [0xABCD01]
    assert await ids(service, name="other") == [0xABCD04, 0xABCD02]
    assert await ids(service, name=run_id(0xABCD03)[:-1]) == [0xABCD04, 0xABCD03, 0xABCD02, 0xABCD01]
    assert await ids(service, name="nothing") == []


async def test_runs_come_in_pages(hub: FilledHub, service: HubServicer) -> None:
    for number in range(1, 6):
        add(hub, number, {"a": GOOD})
    request = hs.ListRunsRequest(page_size=2)
    found: list[int] = []
    while True:
        page = await service.ListRuns(request, None)
        found += [int(run.id, 16) for run in page.runs]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == [5, 4, 3, 2, 1]
    request.ident = "top"
    with pytest.raises(UsageError):
        await service.ListRuns(request, None)


async def test_a_run_is_named_by_id_prefix_or_ident(hub: FilledHub, service: HubServicer) -> None:
    del service
    first = add(hub, 0x10, {"a": GOOD})
    assert find_run(hub.database, "") == first
    second = add(hub, 0x20, {"a": GOOD})
    assert find_run(hub.database, run_id(0x10)) == first
    assert find_run(hub.database, run_id(0x20)[:-1]) == second
    assert find_run(hub.database, "top") == second
    with pytest.raises(UsageError, match="several runs"):
        find_run(hub.database, run_id(0x10)[:8])
    with pytest.raises(UsageError, match="the hub has several runs"):
        find_run(hub.database, "")
    with pytest.raises(NotFoundError):
        find_run(hub.database, "nothing")


async def test_an_ident_comes_before_the_beginning_of_an_id_and_after_a_whole_id(hub: FilledHub) -> None:
    whole = run_id(0xFACE)
    named_so = add(hub, 0x1000, {"a": GOOD}, "0000")
    add(hub, 0x1001, {"a": GOOD}, whole)
    by_id = add(hub, 0xFACE, {"a": GOOD})
    assert find_run(hub.database, "0000") == named_so
    assert find_run(hub.database, whole) == by_id
    with pytest.raises(UsageError, match="several runs have ids that begin with 00000: "):
        find_run(hub.database, "00000")


def failures(hub: FilledHub, run: str, **wanted: Any) -> qs.ListFailuresResponse:
    return OpenRuns(hub.database).queries(run).list_failures(qs.ListFailuresRequest(**wanted))


def test_failures_are_grouped_by_signature_and_say_since_when(hub: FilledHub) -> None:
    add(hub, 1, {"a": (FAILED, "old"), "b": GOOD})
    add(hub, 3, {"a": (FAILED, "old"), "b": (FAILED, "old"), "g": GOOD})
    add(hub, 2, {"a": (LOST, "rare")})
    row = add(hub, 4, {"c": (LOST, "rare"), "b": (FAILED, "new"), "a": (FAILED, "new"), "d": (FAILED, "old")})
    assert row
    groups = failures(hub, run_id(4)).groups
    told = {
        group.signature.removeprefix(signed("")): (
            group.jobs,
            group.example.path,
            int(group.first.run, 16),
            int(group.before.run or "0", 16),
            group.runs,
        )
        for group in groups
    }
    assert groups[0].signature == signed("new"), "the most frequent comes first"
    assert told == {
        "new": (2, "top/b", 4, 0, 1),
        "rare": (1, "top/c", 2, 2, 2),
        "old": (1, "top/d", 1, 3, 3),
    }
    assert groups[0].example.seed == 7
    assert groups[0].example.reason == common_pb2.REASON_EXIT
    assert groups[0].example.first_error.text == "error new"
    assert groups[0].first.git.commit == COMMIT
    only = failures(hub, "top", path="top/d")
    assert [group.signature for group in only.groups] == [signed("old")]
    states = {group.signature.removeprefix(signed("")): group.state for group in groups}
    assert states == {"new": NEW, "rare": BACK, "old": KNOWN}
    rare = next(group for group in groups if group.signature == signed("rare"))
    assert (int(rare.since.run, 16), int(rare.good.run, 16)) == (4, 3)


SMOKE = query_pb2.Selection(tags=["smoke"])


def test_a_failure_is_new_in_its_series_and_other_series_are_told_apart(hub: FilledHub) -> None:
    add(hub, 1, {"a": (FAILED, "x")}, "other")
    add(hub, 2, {"a": (FAILED, "x")}, "other")
    add(hub, 3, {"a": (FAILED, "x")}, selection=SMOKE)
    add(hub, 4, {"a": (FAILED, "x")}, "third", parent=run_id(1))
    add(hub, 5, {"a": (FAILED, "x")})
    (group,) = failures(hub, run_id(5)).groups
    assert (int(group.first.run, 16), group.runs) == (5, 1)
    assert not group.HasField("before")
    assert (group.elsewhere.runs, int(group.elsewhere.first.run, 16)) == (3, 1)
    assert list(group.elsewhere.idents) == ["other", "top"]
    add(hub, 6, {"a": (FAILED, "x")}, selection=SMOKE)
    (group,) = failures(hub, run_id(6)).groups
    assert (int(group.first.run, 16), int(group.before.run, 16), group.runs) == (3, 3, 2)


def test_a_failure_of_a_repeat_is_seen_in_the_series_of_the_run_that_it_repeats(hub: FilledHub) -> None:
    add(hub, 1, {"a": (FAILED, "x")}, selection=SMOKE)
    add(hub, 2, {"a": (FAILED, "x")}, selection=SMOKE)
    add(hub, 3, {"a": (FAILED, "x")}, parent=run_id(2), selection=query_pb2.Selection(only=["@failed"]))
    add(hub, 4, {"a": (FAILED, "x")}, parent=run_id(3), selection=query_pb2.Selection(only=["a"]))
    (group,) = failures(hub, run_id(4)).groups
    assert (int(group.first.run, 16), int(group.before.run, 16), group.runs) == (1, 1, 2)
    assert not group.HasField("elsewhere")
    add(hub, 5, {"a": (FAILED, "x")}, selection=SMOKE)
    (group,) = failures(hub, run_id(5)).groups
    assert (int(group.before.run, 16), group.runs) == (2, 3), "a repeat is not a run of the series"


def test_a_failure_that_passed_in_a_rerun_of_the_run_before_is_back(hub: FilledHub) -> None:
    add(hub, 1, {"a": (FAILED, "x"), "b": (FAILED, "x"), "c": (FAILED, "y")})
    add(hub, 2, {"a": GOOD, "b": GOOD}, parent=run_id(1))
    add(hub, 4, {"a": (FAILED, "x"), "c": (FAILED, "y")})
    add(hub, 5, {"c": GOOD}, parent=run_id(1))
    groups = {group.signature: group for group in failures(hub, run_id(4)).groups}
    back, known = groups[signed("x")], groups[signed("y")]
    assert (back.state, int(back.good.run, 16), back.runs) == (BACK, 2, 2)
    assert known.state == KNOWN, "the rerun in which it passed came later"
    add(hub, 6, {"a": (FAILED, "x")})
    (group,) = failures(hub, run_id(6)).groups
    assert (group.state, int(group.since.run, 16), int(group.good.run, 16)) == (KNOWN, 4, 2)


@pytest.mark.parametrize(
    ("rerun", "params", "passed_in"),
    [
        ({"a": GOOD, "b": GOOD}, {}, 2),
        ({"a": GOOD}, {}, 0),
        ({"a": GOOD, "b": (FAILED, "x")}, {}, 0),
        ({"a": GOOD, "b": GOOD}, {"mode": "slow"}, 0),
    ],
    ids=["all passed", "one did not run", "one failed again", "other parameters"],
)
async def test_a_run_names_the_rerun_in_which_its_failures_passed(
    hub: FilledHub,
    service: HubServicer,
    rerun: dict[str, tuple[common_pb2.Outcome.ValueType, str]],
    params: dict[str, str],
    passed_in: int,
) -> None:
    add(hub, 1, {"a": (FAILED, "x"), "b": (LOST, "y"), "c": GOOD}, params={"mode": "fast"})
    add(hub, 2, rerun, parent=run_id(1), params={"mode": "fast", **params})
    newest, oldest = (await service.ListRuns(hs.ListRunsRequest(), None)).runs
    assert newest.passed_in == ""
    assert int(oldest.passed_in or "0", 16) == passed_in
    whole = OpenRuns(hub.database).queries(run_id(1)).get_run(qs.GetRunRequest()).run
    assert whole.passed_in == oldest.passed_in
    assert dict(whole.params) == {"mode": "fast"}


async def test_a_history_is_that_of_a_series(hub: FilledHub, service: HubServicer) -> None:
    add(hub, 1, {"a": GOOD})
    add(hub, 2, {"a": GOOD}, selection=SMOKE)
    add(hub, 3, {"a": (FAILED, "x")}, parent=run_id(1))
    add(hub, 4, {"a": (FAILED, "x")})
    whole = await service.ListHistory(hs.ListHistoryRequest(ident="top", path="a"), None)
    assert [int(entry.run.run, 16) for entry in whole.entries] == [4, 1]
    assert int(whole.last_good.run, 16) == 1
    request = hs.ListHistoryRequest(ident="top", path="a", selection=SMOKE)
    assert [int(entry.run.run, 16) for entry in (await service.ListHistory(request, None)).entries] == [2]
    request.selection.tags.append("other")
    with pytest.raises(
        NotFoundError, match=r"no run of --tag other --tag smoke on this hub has a node top/a"
    ):
        await service.ListHistory(request, None)


async def test_runs_are_listed_by_series_and_by_the_run_that_they_repeat(
    hub: FilledHub, service: HubServicer
) -> None:
    add(hub, 1, {"a": GOOD})
    add(hub, 2, {"a": GOOD}, selection=query_pb2.Selection(tags=["b", "a"]))
    add(hub, 3, {"a": GOOD}, parent=run_id(1))
    add(hub, 4, {"a": GOOD}, parent=run_id(3))
    add(hub, 5, {"a": GOOD}, parent="not here")
    tagged = query_pb2.Selection(tags=["a", "b", "b"])
    assert await ids(service, selection=query_pb2.Selection()) == [1]
    assert await ids(service, selection=tagged) == [2]
    assert await ids(service, parent=run_id(1)) == [4, 3]
    assert await ids(service, no_repeats=True) == [2, 1]
    listed = (await service.ListRuns(hs.ListRunsRequest(), None)).runs
    assert [run.parent for run in listed] == ["not here", run_id(3), run_id(1), "", ""]
    assert list(listed[3].selection.tags) == ["a", "b"]


def test_an_ident_means_the_newest_run_of_the_whole_spec(hub: FilledHub) -> None:
    repeat = add(hub, 1, {"a": GOOD}, parent=run_id(9))
    assert find_run(hub.database, "top") == repeat
    smoke = add(hub, 2, {"a": GOOD}, selection=SMOKE)
    assert find_run(hub.database, "top") == smoke
    whole = add(hub, 3, {"a": GOOD})
    add(hub, 4, {"a": GOOD}, selection=SMOKE)
    add(hub, 5, {"a": GOOD}, parent=run_id(3))
    assert find_run(hub.database, "top") == whole


def test_groups_of_failures_come_in_pages(hub: FilledHub) -> None:
    add(hub, 1, {f"j{number}": (FAILED, f"s{number}") for number in range(5)})
    request = qs.ListFailuresRequest(page_size=2)
    found: list[str] = []
    while True:
        page = OpenRuns(hub.database).queries("top").list_failures(request)
        assert (page.jobs, page.causes) == (5, 5)
        found += [group.signature.removeprefix(signed("")) for group in page.groups]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == ["s0", "s1", "s2", "s3", "s4"]


async def test_a_history_says_where_a_test_began_to_fail(hub: FilledHub, service: HubServicer) -> None:
    outcomes = [PASSED, FAILED, PASSED, LOST, common_pb2.OUTCOME_PRUNED, FAILED]
    for number, outcome in enumerate(outcomes, 1):
        add(hub, number, {"a": (outcome, "x" if outcome in (FAILED, LOST) else "")}, user="ada")
    add(hub, 7, {"other": GOOD})
    request = hs.ListHistoryRequest(ident="top", path="a")
    response = await service.ListHistory(request, None)
    assert [entry.outcome for entry in response.entries] == outcomes[::-1]
    newest = response.entries[0]
    assert (newest.user, newest.signature, newest.seed) == ("ada", signed("x"), 7)
    assert newest.wall_nanos == 2 * runs.SECOND
    assert newest.tally == event_pb2.Tally(failed=1)
    assert newest.metrics[0].value == runs.CYCLES.value
    assert int(response.first_bad.run, 16) == 4
    assert response.first_bad.git.commit == COMMIT
    assert int(response.last_good.run, 16) == 3
    request.page_size = 4
    page = await service.ListHistory(request, None)
    request.page_token = page.next_page_token
    rest = await service.ListHistory(request, None)
    assert [entry.outcome for entry in [*page.entries, *rest.entries]] == outcomes[::-1]
    assert int(rest.first_bad.run, 16) == 4


async def test_a_history_without_a_failure_at_its_end_has_no_first_bad_run(
    hub: FilledHub, service: HubServicer
) -> None:
    add(hub, 1, {"a": (FAILED, "x")})
    add(hub, 2, {"a": GOOD})
    response = await service.ListHistory(hs.ListHistoryRequest(ident="top", path="a"), None)
    assert not response.HasField("first_bad")
    assert not response.HasField("last_good")
    whole = await service.ListHistory(hs.ListHistoryRequest(ident="top"), None)
    assert [(entry.outcome, entry.tally.failed) for entry in whole.entries] == [(PASSED, 0), (FAILED, 1)]
    with pytest.raises(NotFoundError):
        await service.ListHistory(hs.ListHistoryRequest(ident="top", path="nothing"), None)


async def test_only_the_owner_pins_or_deletes_and_the_log_says_so(
    hub: FilledHub, service: HubServicer, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gator.hub")
    row = add(hub, 1, {"a": GOOD}, connected=True)
    caller.name = "bob"
    with pytest.raises(PermissionDeniedError):
        await service.PinRun(hs.PinRunRequest(run="top", pinned=True), None)
    with pytest.raises(PermissionDeniedError):
        await service.DeleteRun(hs.DeleteRunRequest(run="top"), None)
    caller.name = "ada"
    await service.PinRun(hs.PinRunRequest(run="top", pinned=True), None)
    assert (await service.ListRuns(hs.ListRunsRequest(), None)).runs[0].pinned
    with pytest.raises(PreconditionError, match="connected"):
        await service.DeleteRun(hs.DeleteRunRequest(run="top"), None)
    hub.detach(row)
    await service.PinRun(hs.PinRunRequest(run="top", pinned=False), None)
    await service.DeleteRun(hs.DeleteRunRequest(run="top"), None)
    doings = ("pinned by", "unpinned by", "deleted by")
    assert caplog.messages == [f"run top (00000000) {doing} ada" for doing in doings]
    assert await ids(service) == []
    with pytest.raises(NotFoundError):
        await service.PinRun(hs.PinRunRequest(run=run_id(1)), None)
    with pytest.raises(NotFoundError):
        OpenRuns(hub.database).queries(run_id(1))


async def test_a_deleted_run_is_in_no_history(hub: FilledHub, service: HubServicer) -> None:
    add(hub, 1, {"a": (FAILED, "x")})
    add(hub, 2, {"a": (FAILED, "x")})
    await service.DeleteRun(hs.DeleteRunRequest(run=run_id(1)), None)
    history = await service.ListHistory(hs.ListHistoryRequest(ident="top", path="a"), None)
    assert [int(entry.run.run, 16) for entry in history.entries] == [2]
    (group,) = failures(hub, "top").groups
    assert group.runs == 1
    assert not group.HasField("before")
