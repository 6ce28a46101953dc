"""Calls from other threads to an event loop."""

import asyncio
import os
import signal
import threading
from functools import partial

from gator.runtime.loop import Poster


async def test_a_signal_reaches_a_loop_that_is_busy_while_much_is_posted() -> None:
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, signalled.set)
    post, posted = Poster(loop), threading.Event()
    found: list[int] = []

    def work() -> None:
        for number in range(5_000):
            post(partial(found.append, number))
        os.kill(os.getpid(), signal.SIGUSR1)
        posted.set()

    try:
        threading.Thread(target=work).start()
        # The loop can do nothing meanwhile.
        assert posted.wait(30)
        await asyncio.wait_for(signalled.wait(), 30)
        await asyncio.sleep(0)
        assert found == list(range(5_000))
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


async def test_what_is_posted_later_wakes_the_loop_again() -> None:
    post = Poster(asyncio.get_running_loop())
    arrived: asyncio.Queue[int] = asyncio.Queue()
    for number in range(3):
        threading.Thread(target=post, args=(partial(arrived.put_nowait, number),)).start()
        assert await asyncio.wait_for(arrived.get(), 30) == number


async def test_a_call_that_fails_spoils_no_other() -> None:
    loop = asyncio.get_running_loop()
    post, told, arrived = Poster(loop), list[str](), asyncio.Event()
    loop.set_exception_handler(lambda loop, context: told.append(str(context["exception"])))

    def fail() -> None:
        raise ValueError("a fault")

    post(fail)
    post(arrived.set)
    await asyncio.wait_for(arrived.wait(), 30)
    assert told == ["a fault"]
