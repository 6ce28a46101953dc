"""The event loop, calls from other threads to it, and slow calls in threads beside it.

Invariant: nothing fails because the system gives no thread; the loop itself does the work then.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Lock
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Returns the result of `call`, which runs in a thread; without a free thread the loop waits for it."""
    return await beside(partial(copy_context().run, call, *args, **kwargs))


def beside(call: Callable[[], T], pool: ThreadPoolExecutor | None = None) -> asyncio.Future[T]:
    """Returns a future of the result of `call`, which runs in a thread; without a free one it runs now."""
    given: Future[T] = Future()
    work = partial(_work, Lock(), given, call)
    try:
        asyncio.get_running_loop().run_in_executor(pool, work)
    except RuntimeError:
        # The pool may have kept it for one of its threads: the first of the two runs it.
        work()
    return asyncio.wrap_future(given)


def run_in_thread(work: Callable[[], T], then: Callable[[T], None], on_fault: Callable[[str], T]) -> None:
    """Calls `then` on the loop with the result of the work, or with what `on_fault` makes of an exception."""

    def take(done: "asyncio.Future[T]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        then(done.result() if error is None else on_fault(f"{type(error).__name__}: {error}"))

    beside(work).add_done_callback(take)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Runs like `asyncio.run`, but without the thread that that needs at its end."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)


def _work(turn: Lock, given: "Future[T]", call: Callable[[], T]) -> None:
    if not turn.acquire(blocking=False) or not given.set_running_or_notify_cancel():
        return
    try:
        given.set_result(call())
    except BaseException as error:
        given.set_exception(error)
        del given


class Poster:
    """Runs calls on a loop in the order in which they were posted, as `loop.call_soon_threadsafe` does.

    A loop is woken by a byte on a socket with room for about 280 of them, and a signal is a byte on the same
    socket, which is lost if the socket is full. So any number of posted calls wakes the loop once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = Lock()
        self._calls: list[Callable[[], object]] = []

    def __call__(self, call: Callable[[], object]) -> None:
        """Calls from any thread. Raises RuntimeError if the loop is closed."""
        with self._lock:
            self._calls.append(call)
            if len(self._calls) > 1:
                # The first call has woken the loop.
                return
        self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        with self._lock:
            calls, self._calls = self._calls, []
        for call in calls:
            # Each by itself, so that one that fails spoils no other.
            self._loop.call_soon(call)


class _Loop(asyncio.SelectorEventLoop):
    """A loop that waits for the threads of its pool itself."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(thread_name_prefix="gator")
        self.set_default_executor(self._threads)

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        """Calls a function on the loop when a signal comes, as the loop of asyncio does.

        A burst of SIGCHLD may fill the socket that wakes the loop. A full socket wakes it as well, so nothing
        is printed on stderr.
        """
        super().add_signal_handler(sig, callback, *args)
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)

    def close(self) -> None:
        """Closes the loop; a signal that comes meanwhile finds no closed descriptor."""
        with suppress(ValueError):  # of a loop that is not in the main thread
            signal.set_wakeup_fd(-1)
        super().close()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Blocks the loop, which has nothing else to do at that time."""
        del timeout
        self._threads.shutdown()
