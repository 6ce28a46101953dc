"""Comparisons of two runs by the service of a hub."""

import pytest

from gator.errors import UsageError
from gator.query import tokens
from gator.v1 import common_pb2, hub_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator_hub.server.hub_servicer import HubServicer
from tests.component.hub.queries.filled import FilledHub, described
from tests.component.hub.queries.many_runs import FAILED, GOOD, LOST, OPEN, PASSED, add, run_id, signed
from tests.component.query import runs


async def test_two_runs_are_compared_job_by_job(hub: FilledHub, service: HubServicer) -> None:
    add(hub, 1, {"a": GOOD, "b": (FAILED, "x"), "c": (FAILED, "x"), "gone": GOOD, "same": GOOD}, "one")
    add(hub, 2, {"a": (FAILED, "y"), "b": GOOD, "c": (LOST, "z"), "new": GOOD, "same": GOOD}, "two")
    request = hs.CompareRunsRequest(before="one", after="two")
    response = await service.CompareRuns(request, None)
    assert [(one.path, one.change) for one in response.differences] == [
        ("a", hub_pb2.CHANGE_NEWLY_FAILING),
        ("b", hub_pb2.CHANGE_FIXED),
        ("c", hub_pb2.CHANGE_STILL_FAILING),
        ("new", hub_pb2.CHANGE_NEW),
        ("gone", hub_pb2.CHANGE_GONE),
    ]
    first = response.differences[0]
    assert first.before.outcome == PASSED
    assert first.before.metrics[0].name == "cycles"
    assert (first.after.signature, first.after.first_error.text) == (signed("y"), "error y")
    assert first.after.wall_nanos == 2 * runs.SECOND
    assert not response.differences[3].HasField("before")
    assert {one.change: one.jobs for one in response.counts}[hub_pb2.CHANGE_STILL_PASSING] == 1
    request.page_size = 2
    paths: list[str] = []
    while True:
        page = await service.CompareRuns(request, None)
        paths += [one.path for one in page.differences]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert paths == ["a", "b", "c", "new", "gone"]
    fixed = hs.CompareRunsRequest(before="one", after="two", changes=[hub_pb2.CHANGE_FIXED])
    assert [one.path for one in (await service.CompareRuns(fixed, None)).differences] == ["b"]


async def test_jobs_that_one_run_did_not_select_are_neither_new_nor_gone(
    hub: FilledHub, service: HubServicer
) -> None:
    smoke = query_pb2.Selection(tags=["smoke"])
    add(hub, 1, {"a": GOOD, "b": (FAILED, "x"), "slow": GOOD, "bad": (FAILED, "x")})
    add(hub, 2, {"a": GOOD, "b": GOOD}, selection=smoke)
    add(hub, 3, {"b": GOOD, "odd": GOOD}, parent=run_id(1))
    add(hub, 4, {"a": GOOD, "fresh": GOOD}, selection=smoke)

    async def said(before: int, after: int) -> tuple[list[str], dict[str, int], int]:
        request = hs.CompareRunsRequest(before=run_id(before), after=run_id(after))
        response = await service.CompareRuns(request, None)
        counts = {hub_pb2.Change.Name(count.change)[7:]: count.jobs for count in response.counts}
        return [one.path for one in response.differences], counts, response.unselected

    assert await said(1, 2) == (["b"], {"FIXED": 1, "STILL_PASSING": 1}, 2)
    assert await said(2, 1) == (["b"], {"NEWLY_FAILING": 1, "STILL_PASSING": 1}, 2)
    assert await said(1, 3) == (["b", "odd"], {"FIXED": 1, "NEW": 1}, 3)
    assert await said(2, 3) == ([], {"STILL_PASSING": 1}, 2)
    assert await said(2, 4) == (["fresh", "b"], {"NEW": 1, "GONE": 1, "STILL_PASSING": 1}, 0)
    everything = hs.CompareRunsRequest(
        before=run_id(1), after=run_id(2), changes=hub_pb2.Change.values(), page_size=1
    )
    first = await service.CompareRuns(everything, None)
    assert [one.path for one in first.differences] == ["b"]
    everything.page_token = first.next_page_token
    second = await service.CompareRuns(everything, None)
    assert [one.path for one in second.differences] == ["a"]
    assert not second.next_page_token


async def compared(service: HubServicer, *changes: hub_pb2.Change.ValueType, size: int) -> list[str]:
    """The paths of all pages of a comparison of the runs of two idents."""
    request = hs.CompareRunsRequest(before="one", after="two", changes=changes, page_size=size)
    paths: list[str] = []
    while True:
        page = await service.CompareRuns(request, None)
        assert len(page.differences) <= size
        paths += [one.path for one in page.differences]
        if not page.next_page_token:
            return paths
        request.page_token = page.next_page_token


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_what_passed_both_times_comes_in_its_turn(
    hub: FilledHub, service: HubServicer, size: int
) -> None:
    same = {f"t[{index}]": GOOD for index in range(11)}
    add(hub, 1, {"fixed": (FAILED, "x"), "pruned": (common_pb2.OUTCOME_PRUNED, ""), **same}, "one")
    add(hub, 2, {**same, "fixed": GOOD, "new": GOOD, "pruned": GOOD}, "two")
    fixed, still, other = hub_pb2.CHANGE_FIXED, hub_pb2.CHANGE_STILL_PASSING, hub_pb2.CHANGE_OTHER
    assert await compared(service, other, still, fixed, size=size) == ["fixed", *same, "pruned"]
    assert await compared(service, still, size=size) == [*same]
    assert await compared(service, size=size) == ["fixed", "new", "pruned"]


async def test_runs_of_a_single_job_are_compared(hub: FilledHub, service: HubServicer) -> None:
    for number, (ident, outcome) in enumerate([("one", PASSED), ("two", FAILED)], 1):
        row = hub.register(described(run_id(number), ident), f"store-{number}")
        hub.append(row, ident, f"store-{number}", runs.job(ident, 0), runs.result(ident, 1, outcome))
    response = await service.CompareRuns(hs.CompareRunsRequest(before="one", after="two"), None)
    assert [(one.path, one.change) for one in response.differences] == [("", hub_pb2.CHANGE_NEWLY_FAILING)]


async def test_a_comparison_follows_a_run_that_goes_on(hub: FilledHub, service: HubServicer) -> None:
    add(hub, 1, {"a": GOOD, "b": GOOD}, "one")
    row = add(hub, 2, {"a": GOOD, "b": (OPEN, "")}, "two", ended=False, connected=True)
    assert await compared(service, size=5) == ["b"]
    hub.append(row, "two", "store-2", runs.result("two/b", 5))
    assert await compared(service, size=5) == []
    hub.append(row, "two", "store-2", runs.job("two/c", 6))
    assert await compared(service, size=5) == ["c"]


@pytest.mark.parametrize("place", [7, [1], [1, 2], ["a", "b"], {"a": 1}, "x"])
async def test_a_place_of_no_comparison_is_refused(
    hub: FilledHub, service: HubServicer, place: object
) -> None:
    add(hub, 1, {"a": GOOD}, "one")
    request = hs.CompareRunsRequest(before="one", after="one")
    request.page_token = tokens.encode(request, {"after": place})
    with pytest.raises(UsageError, match="token"):
        await service.CompareRuns(request, None)
