"""Many who watch a run cost as one."""

import asyncio
import threading

import pytest

from gator.errors import NotFoundError
from gator.query.servicers import SharedLook
from gator.query.watch import RunLook
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

MINUTE = 60.0


class Looker:
    """Looks as often as it is asked, and when it may."""

    def __init__(self) -> None:
        self.looks = 0
        self.may = threading.Event()
        self.error: Exception | None = None

    def look(self) -> RunLook:
        assert self.may.wait(30)
        self.looks += 1
        if self.error is not None:
            raise self.error
        response = qs.WatchRunResponse(run=query_pb2.Run(id=str(self.looks)))
        return RunLook(response, str(self.looks), over=False)


@pytest.fixture
def looker() -> Looker:
    return Looker()


async def test_all_who_want_a_look_within_a_moment_share_it(looker: Looker) -> None:
    shared = SharedLook(looker.look, None, MINUTE)
    wanted = [asyncio.create_task(shared.now()) for _ in range(50)]
    looker.may.set()
    assert {look.mark for look in await asyncio.gather(*wanted)} == {"1"}
    assert (await shared.now()).mark == "1"
    assert looker.looks == 1


async def test_after_the_moment_it_is_looked_again(looker: Looker) -> None:
    shared = SharedLook(looker.look, None, 0)
    looker.may.set()
    assert [(await shared.now()).mark for _ in range(3)] == ["1", "2", "3"]


async def test_who_goes_away_takes_the_look_from_nobody_else(looker: Looker) -> None:
    shared = SharedLook(looker.look, None, MINUTE)
    first, second = asyncio.create_task(shared.now()), asyncio.create_task(shared.now())
    await asyncio.sleep(0)
    first.cancel()
    looker.may.set()
    assert (await second).mark == "1"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_is_wrong_is_told_to_all(looker: Looker) -> None:
    looker.error = NotFoundError("the run was removed")
    looker.may.set()
    shared = SharedLook(looker.look, None, MINUTE)
    for told in await asyncio.gather(*(shared.now() for _ in range(3)), return_exceptions=True):
        assert isinstance(told, NotFoundError)
