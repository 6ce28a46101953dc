"""How much of what roots send is held at once."""

import asyncio

import pytest

from gator.errors import UnavailableError
from gator.v1 import attach_pb2
from gator_hub.intake import Intake, memory_of


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_messages_wait_in_their_order_until_there_is_room() -> None:
    intake = Intake(100)
    await intake.take(60)
    await intake.take(60)
    let_in: list[int] = []

    async def take(number: int) -> None:
        await intake.take(60)
        let_in.append(number)

    tasks = [asyncio.create_task(take(number)) for number in range(3)]
    await settle()
    assert let_in == []
    intake.give(60)
    await settle()
    assert let_in == [0]
    intake.give(120)
    await settle()
    assert let_in == [0, 1, 2]
    await asyncio.gather(*tasks)


async def test_what_is_held_beside_leaves_no_room() -> None:
    intake = Intake(100)
    intake.hold(150)
    task = asyncio.create_task(intake.take(1))
    await settle()
    assert not task.done()
    intake.give(150)
    await task


async def test_who_would_make_too_much_wait_has_to_come_again() -> None:
    intake = Intake(100, 100)
    await intake.take(100)
    waiting = [asyncio.create_task(intake.take(size)) for size in (500, 1)]
    await settle()
    # One that is large waits where nobody else does.
    assert not waiting[0].done()
    with pytest.raises(UnavailableError):
        await waiting[1]
    waiting[0].cancel()
    await settle()
    waiting[1] = asyncio.create_task(intake.take(1))
    await settle()
    assert not waiting[1].done()
    intake.give(100)
    await waiting[1]


async def test_who_goes_at_the_moment_he_is_let_in_leaves_room() -> None:
    intake = Intake(100)
    await intake.take(100)
    first, second = asyncio.create_task(intake.take(100)), asyncio.create_task(intake.take(100))
    await settle()
    intake.give(100)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second


def test_the_more_roots_there_are_the_less_each_may_have_on_its_way() -> None:
    windows = [Intake.window_bytes(roots) for roots in (1, 8, 9, 64, 65, 200, 100_000)]
    assert windows == sorted(windows, reverse=True)
    assert sum(2 * Intake.window_bytes(roots) for roots in range(1, 201)) <= 64 * 1024 * 1024


def test_many_small_events_take_more_than_their_bytes() -> None:
    batch = attach_pb2.Batch()
    assert memory_of(batch, 1000) == 1000
    for _ in range(10):
        batch.events.add()
    assert memory_of(batch, 1000) == 3000
