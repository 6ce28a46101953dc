"""Runs work of an attempt that may block, such as reading files, in a thread."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from gator.runtime.loop import beside

T = TypeVar("T")


def run_in_thread(work: Callable[[], T], then: Callable[[T], None], on_fault: Callable[[str], T]) -> None:
    """Calls `then` on the loop with the result of the work, or with what `on_fault` makes of an exception."""

    def take(done: "asyncio.Future[T]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        then(done.result() if error is None else on_fault(f"{type(error).__name__}: {error}"))

    beside(work).add_done_callback(take)
