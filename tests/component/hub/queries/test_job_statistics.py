"""Statistics of the jobs of a series: which are flaky, slow or fail often."""

import pytest

from gator.errors import UsageError
from gator.v1 import hub_pb2
from gator.v1 import hub_service_pb2 as hs
from gator_hub.server.hub_servicer import HubServicer
from tests.component.hub.queries.filled import FilledHub
from tests.component.hub.queries.many_runs import FAILED, GOOD, LOST, add, run_id
from tests.component.query import runs

FLAKY, SLOW, OFTEN = (
    hs.JOB_STATISTICS_ORDER_FLAKY,
    hs.JOB_STATISTICS_ORDER_SLOW,
    hs.JOB_STATISTICS_ORDER_FAILED,
)


async def jobs(service: HubServicer, **wanted: object) -> list[hub_pb2.JobStatistics]:
    request = hs.ListJobStatisticsRequest(ident="top", **wanted)  # type: ignore[arg-type]
    return list((await service.ListJobStatistics(request, None)).jobs)


@pytest.fixture
def filled(hub: FilledHub) -> FilledHub:
    """Runs with the same commit are those with even and those with odd numbers."""
    bad = (FAILED, "x")
    add(hub, 1, {"steady": GOOD, "broken": bad, "shaky": GOOD})
    add(hub, 3, {"steady": GOOD, "broken": bad, "shaky": bad})
    add(hub, 2, {"steady": GOOD, "broken": (LOST, "y"), "shaky": GOOD})
    add(hub, 4, {"steady": bad}, parent=run_id(1))
    return hub


async def test_a_job_that_fails_under_the_conditions_of_a_pass_is_flaky(
    filled: FilledHub, service: HubServicer
) -> None:
    found = await jobs(service, order=FLAKY)
    assert [(job.path, job.runs, job.passed, job.unstable, job.retried) for job in found] == [
        ("shaky", 3, 2, 1, 0)
    ]


async def test_jobs_are_sorted_by_their_failures_or_duration(filled: FilledHub, service: HubServicer) -> None:
    found = await jobs(service, order=OFTEN)
    assert [(job.path, job.runs - job.passed) for job in found] == [("broken", 2), ("shaky", 1)]
    found = await jobs(service, order=SLOW)
    assert sorted(job.path for job in found) == ["broken", "shaky", "steady"]
    assert {job.mean_wall_nanos for job in found} == {2 * runs.SECOND}
    assert {job.max_wall_nanos for job in found} == {2 * runs.SECOND}


async def test_only_the_newest_runs_are_looked_at(filled: FilledHub, service: HubServicer) -> None:
    response = await service.ListJobStatistics(
        hs.ListJobStatisticsRequest(ident="top", runs=1, order=OFTEN), None
    )
    assert response.runs == 1
    assert [(job.path, job.runs) for job in response.jobs] == [("broken", 1), ("shaky", 1)]


async def test_statistics_come_in_pages(filled: FilledHub, service: HubServicer) -> None:
    request = hs.ListJobStatisticsRequest(ident="top", order=SLOW, page_size=2)
    first = await service.ListJobStatistics(request, None)
    request.page_token = first.next_page_token
    second = await service.ListJobStatistics(request, None)
    assert [job.path for job in [*first.jobs, *second.jobs]] == ["broken", "shaky", "steady"]
    assert not second.next_page_token


async def test_an_ident_is_needed_and_an_unknown_order_is_refused(service: HubServicer) -> None:
    with pytest.raises(UsageError, match="need the ident"):
        await service.ListJobStatistics(hs.ListJobStatisticsRequest(), None)
    with pytest.raises(UsageError, match="there is no order 9"):
        await jobs(service, order=9)
    assert await jobs(service) == []
