"""Turns that many share."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from gator.errors import UnavailableError
from gator.rpc.limits import ConnectionQuota, FairSemaphore


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Taker:
    def __init__(self, turns: FairSemaphore, name: str) -> None:
        self.has = False
        self._stack = AsyncExitStack()
        self.task = asyncio.create_task(self._take(turns, name))

    async def _take(self, turns: FairSemaphore, name: str) -> None:
        await self._stack.enter_async_context(turns.of(name))
        self.has = True

    async def give(self) -> None:
        await self._stack.aclose()
        await settle()


async def takers(turns: FairSemaphore, names: str) -> list[Taker]:
    made = [Taker(turns, name) for name in names]
    await settle()
    return made


async def test_there_are_so_many_turns_and_whoever_comes_first_goes_first() -> None:
    found = await takers(FairSemaphore(2, 2), "abcd")
    assert [one.has for one in found] == [True, True, False, False]
    await found[0].give()
    assert [one.has for one in found] == [True, True, True, False]
    for one in found[1:]:
        await one.give()


async def test_nobody_has_the_turns_of_all() -> None:
    found = await takers(FairSemaphore(3, 2), "aaabb")
    assert [one.has for one in found] == [True, True, False, True, False]
    await found[3].give()
    assert [one.has for one in found] == [True, True, False, True, True]
    await found[0].give()
    assert found[2].has
    for one in (found[1], found[2], found[4]):
        await one.give()


async def test_who_waits_no_more_takes_no_turn() -> None:
    turns = FairSemaphore(1, 1)
    first, second, third = await takers(turns, "abc")
    second.task.cancel()
    await first.give()
    assert third.has
    with pytest.raises(asyncio.CancelledError):
        await second.task
    await third.give()
    (last,) = await takers(turns, "d")
    assert last.has
    await last.give()


async def test_a_turn_that_comes_while_its_taker_goes_is_given_on() -> None:
    first, second, third = await takers(FairSemaphore(1, 1), "abc")
    giving = asyncio.create_task(first.give())
    await asyncio.sleep(0)
    second.task.cancel()
    await giving
    with pytest.raises(asyncio.CancelledError):
        await second.task
    assert third.has
    await third.give()


async def test_so_many_of_one_name_wait_and_no_more() -> None:
    turns = FairSemaphore(1, 1, 2)
    found = await takers(turns, "aaab")
    assert [one.has for one in found] == [True, False, False, False]
    with pytest.raises(UnavailableError):
        async with turns.of("a"):
            raise AssertionError
    for number in (0, 1, 2, 3):
        await found[number].give()
        assert all(one.has for one in found[: number + 2])


def test_a_place_is_had_at_once_or_not_at_all() -> None:
    places = ConnectionQuota(3, 2)
    with places.of("a"), places.of("a"):
        with pytest.raises(UnavailableError), places.of("a"):
            raise AssertionError
        with places.of("b"), pytest.raises(UnavailableError), places.of("c"):
            raise AssertionError
        with places.of("c"):
            pass
