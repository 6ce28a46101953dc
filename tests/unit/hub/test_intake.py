"""How much of what roots send is held at once."""

import asyncio

import pytest

from gator.errors import ProtocolError, UnavailableError
from gator.link.size_limits import MAX_ENTRIES
from gator.v1 import attach_pb2, event_pb2
from gator_hub.ingest.memory_budget import UNPACKED_TIMES, MemoryBudget, memory_of
from gator_hub.ingest.stores import Lane


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_messages_wait_in_their_order_until_there_is_room() -> None:
    intake = MemoryBudget(100)
    held = [await intake.take(1), await intake.take(1)]
    let_in: list[int] = []

    async def take(number: int) -> None:
        held.append(await intake.take(1))
        let_in.append(number)

    tasks = [asyncio.create_task(take(number)) for number in range(3)]
    await settle()
    assert let_in == []
    intake.give(held.pop())
    await settle()
    assert let_in == [0]
    for size in held:
        intake.give(size)
    await settle()
    assert let_in == [0, 1, 2]
    await asyncio.gather(*tasks)


async def test_a_message_is_let_in_only_where_there_is_room_for_what_it_may_become() -> None:
    intake = MemoryBudget(100)
    held = await intake.take(3)
    assert held == 3 * UNPACKED_TIMES > 100
    tasks = [asyncio.create_task(intake.take(3)) for _ in range(2)]
    await settle()
    intake.give(held)
    await settle()
    assert [task.done() for task in tasks] == [True, False]
    intake.give(held)
    await asyncio.gather(*tasks)


async def test_what_is_held_beside_leaves_no_room() -> None:
    intake = MemoryBudget(100)
    intake.hold(150)
    task = asyncio.create_task(intake.take(1))
    await settle()
    assert not task.done()
    intake.give(150)
    await task


async def test_who_would_make_too_much_wait_has_to_come_again() -> None:
    intake = MemoryBudget(100, 100)
    held = await intake.take(100)
    waiting = [asyncio.create_task(intake.take(size)) for size in (500, 1)]
    await settle()
    # A large one waits although no other does.
    assert not waiting[0].done()
    with pytest.raises(UnavailableError):
        await waiting[1]
    waiting[0].cancel()
    await settle()
    waiting[1] = asyncio.create_task(intake.take(1))
    await settle()
    assert not waiting[1].done()
    intake.give(held)
    await waiting[1]


async def test_who_goes_at_the_moment_he_is_let_in_leaves_room() -> None:
    intake = MemoryBudget(100)
    held = await intake.take(100)
    first, second = asyncio.create_task(intake.take(100)), asyncio.create_task(intake.take(100))
    await settle()
    intake.give(held)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second


def test_the_more_roots_there_are_the_less_each_may_have_on_its_way() -> None:
    windows = [MemoryBudget.window_bytes(roots) for roots in (1, 8, 9, 64, 65, 200, 100_000)]
    assert windows == sorted(windows, reverse=True)
    assert sum(2 * MemoryBudget.window_bytes(roots) for roots in range(1, 201)) <= 64 * 1024 * 1024


def test_many_small_events_take_more_than_their_bytes() -> None:
    batch = attach_pb2.Batch()
    assert memory_of(batch, 1000) == 1000
    for _ in range(10):
        batch.events.add()
    assert memory_of(batch, 1000) == 3000


def test_small_events_that_may_be_many_take_what_they_may_become() -> None:
    batch = attach_pb2.Batch(subscription=Lane.BULK)
    batch.events.add()
    assert memory_of(batch, 1000) == 1000 * UNPACKED_TIMES


def test_in_a_batch_above_what_a_root_sends_each_event_is_looked_at() -> None:
    batch = of_lists(200, MAX_ENTRIES // 8)
    with pytest.raises(ProtocolError):
        memory_of(batch, 200_000)


def of_lists(events: int, entries: int) -> attach_pb2.Batch:
    batch = attach_pb2.Batch(subscription=Lane.BULK, store="s")
    for number in range(events):
        event = batch.events.add(seq=number + 1, path="top")
        if number % 2:
            event.result.metrics.extend(event_pb2.MetricTotal() for _ in range(entries))
        else:
            event.log.fields.update({str(name): "" for name in range(entries)})
    return batch


def test_entries_of_lists_take_far_more_than_their_bytes() -> None:
    batch = of_lists(10, 1000)
    assert memory_of(batch, batch.ByteSize()) > 10 * 1000 * 100


def test_no_more_entries_are_taken_than_a_root_sends() -> None:
    for events, entries in ((1, MAX_ENTRIES + 1), (20, MAX_ENTRIES // 2)):
        with pytest.raises(ProtocolError):
            memory_of(of_lists(events, entries), 100_000)
    assert memory_of(of_lists(1, MAX_ENTRIES), 100_000)


def test_the_entries_of_every_list_of_an_event_are_counted() -> None:
    batch = attach_pb2.Batch(store="s")
    finished = batch.events.add(seq=1, path="top").attempt_finished
    finished.log_files.list.extend(event_pb2.LogFile() for _ in range(MAX_ENTRIES + 1))
    with pytest.raises(
        ProtocolError, match=f"the lists of event 1 of s have more than {MAX_ENTRIES} entries"
    ):
        memory_of(batch, batch.ByteSize())
