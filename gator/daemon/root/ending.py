"""How a run ends: by the Result of its root, by a stop that Gator orders, or by an error."""

import asyncio
from collections.abc import Callable
from typing import Any

from gator.errors import GatorError
from gator.v1 import attach_pb2, common_pb2, event_pb2


class RunEnding:
    """Waits for the end of a run and keeps its fault. `stop` ends the tree of the run."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stop: Callable[[attach_pb2.Stop], object]) -> None:
        self._stop = stop
        self._result: asyncio.Future[event_pb2.Result] = loop.create_future()
        self.fault = ""
        """The fault of Gator or of its surroundings that ended the run; empty if there was none."""

    @property
    def is_known(self) -> bool:
        """Whether the Result of the root or an error is known."""
        return self._result.done()

    async def wait(self) -> event_pb2.Result:
        """Returns the Result of the root. Raises the error that ended the run."""
        return await self._result

    def on_result(self, result: event_pb2.Result) -> None:
        """Handles the Result of the root."""
        if not self._result.done():
            self._result.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Ends the run with an error."""
        if not self._result.done():
            self._result.set_exception(error)

    def on_loop_fault(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Ends the run because a callback raised: without its effect the run would hang."""
        self.fail(context.get("exception") or GatorError(context["message"]))

    def on_disk_full(self) -> None:
        """Stops the run because its folder could not grow."""
        self.fault = self.fault or "the disk is full: free some space or files, then run again"
        self._stop(
            attach_pb2.Stop(
                mode=attach_pb2.STOP_MODE_GRACEFUL, reason=common_pb2.REASON_DISK_FULL, message=self.fault
            )
        )

    def on_cannot_start(self, why: str) -> None:
        """Stops the run because daemons repeatedly failed to start."""
        self.fault = f"daemons cannot be started: {why}"
        self._stop(
            attach_pb2.Stop(
                mode=attach_pb2.STOP_MODE_NOW, reason=common_pb2.REASON_DAEMON_START, message=self.fault
            )
        )
