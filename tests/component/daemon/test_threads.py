"""Calls beside an event loop, and the loop, with and without a thread."""

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from gator.daemon.modes import TextLogMode
from gator.daemon.view.text_logs import TextLogs
from gator.runtime.loop import beside, in_thread, run_loop
from gator.v1 import common_pb2, event_pb2


@contextmanager
def no_more_threads() -> Generator[None]:
    """The system gives none."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        yield


async def test_a_call_is_made_beside_the_loop() -> None:
    assert await in_thread(threading.get_ident) != threading.get_ident()


async def test_where_there_is_no_thread_it_is_made_all_the_same() -> None:
    with no_more_threads():
        assert await in_thread(threading.get_ident) == threading.get_ident()


async def test_a_call_that_its_pool_kept_for_a_thread_it_has_is_made_once() -> None:
    made: list[int] = []
    go = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        busy = pool.submit(go.wait)
        with no_more_threads():
            first = beside(partial(made.append, 1), pool)
        go.set()
        await asyncio.wrap_future(busy)
        # The thread that was busy takes what was kept before this.
        await asyncio.wrap_future(pool.submit(int))
        await first
    assert made == [1]


async def test_an_error_of_the_call_is_not_a_lack_of_threads() -> None:
    made: list[int] = []

    def fail() -> None:
        made.append(1)
        raise RuntimeError("of its own")

    with pytest.raises(RuntimeError, match="of its own"):
        await in_thread(fail)
    assert made == [1]


def test_a_loop_ends_well_where_there_is_no_thread_any_more() -> None:
    async def main() -> str:
        # So that there is a pool to be shut down.
        assert await in_thread(threading.get_ident) != threading.get_ident()
        starving.enter_context(no_more_threads())
        return "passed"

    with ExitStack() as starving:
        assert run_loop(main()) == "passed"


def test_a_loop_waits_for_what_goes_on_in_its_threads() -> None:
    go, made = threading.Event(), list[int]()

    def take() -> None:
        go.wait()
        made.append(1)

    async def main() -> None:
        work = beside(take)
        asyncio.get_running_loop().call_soon(go.set)
        await asyncio.sleep(0)
        work.cancel()

    run_loop(main())
    assert made == [1]


async def test_the_output_of_a_job_is_copied_where_there_is_no_thread(tmp_path: Path) -> None:
    logs = TextLogs(tmp_path, TextLogMode.ALL, lambda path, attempt: [f"{path} {attempt}".encode()])
    with no_more_threads():
        logs.on_job_result("top/a", event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED, attempts=1))
        await logs.finish()
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"top/a 1"]
