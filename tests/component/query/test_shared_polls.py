"""Watches of a run share their polls, so that many cost as much as one."""

import asyncio
import threading

import pytest

from gator.errors import NotFoundError
from gator.query.servicers import SharedPoll
from gator.query.watch import RunSnapshot
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

MINUTE = 60.0


class Poller:
    """A poll that waits until it may return, and counts its calls."""

    def __init__(self) -> None:
        self.polls = 0
        self.may = threading.Event()
        self.error: Exception | None = None

    def poll(self) -> RunSnapshot:
        assert self.may.wait(30)
        self.polls += 1
        if self.error is not None:
            raise self.error
        response = qs.WatchRunResponse(run=query_pb2.Run(id=str(self.polls)))
        return RunSnapshot(response, str(self.polls), over=False)


@pytest.fixture
def poller() -> Poller:
    return Poller()


async def test_polls_within_the_valid_time_share_a_result(poller: Poller) -> None:
    shared = SharedPoll(poller.poll, None, MINUTE)
    wanted = [asyncio.create_task(shared.now()) for _ in range(50)]
    poller.may.set()
    assert {found.mark for found in await asyncio.gather(*wanted)} == {"1"}
    assert (await shared.now()).mark == "1"
    assert poller.polls == 1


async def test_a_result_that_is_no_longer_valid_is_replaced(poller: Poller) -> None:
    shared = SharedPoll(poller.poll, None, 0)
    poller.may.set()
    assert [(await shared.now()).mark for _ in range(3)] == ["1", "2", "3"]


async def test_a_cancelled_watch_does_not_cancel_the_poll_of_others(poller: Poller) -> None:
    shared = SharedPoll(poller.poll, None, MINUTE)
    first, second = asyncio.create_task(shared.now()), asyncio.create_task(shared.now())
    await asyncio.sleep(0)
    first.cancel()
    poller.may.set()
    assert (await second).mark == "1"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_the_error_of_a_poll_reaches_all_watches(poller: Poller) -> None:
    poller.error = NotFoundError("the run was removed")
    poller.may.set()
    shared = SharedPoll(poller.poll, None, MINUTE)
    for result in await asyncio.gather(*(shared.now() for _ in range(3)), return_exceptions=True):
        assert isinstance(result, NotFoundError)
