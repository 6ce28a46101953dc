"""Runs work of attempts that may block, such as reading and removing files, in threads beside the loop.

Invariant: work that fails by a fault of Gator is answered too, because its attempt waits for the answer.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gator.core.attempt.artefacts import Collected
from gator.core.attempt.start.environment import Inputs
from gator.core.reports import ReportFile
from gator.runtime.loop import beside, run_in_thread
from gator.v1 import attach_pb2

if TYPE_CHECKING:
    from gator.daemon.artefacts.collect import Collection
    from gator.daemon.attempts.files.report_files import ReportFiles


def read_reports(files: "ReportFiles", then: Callable[[list[ReportFile]], None]) -> None:
    """Reads the reports of tests of an attempt."""
    run_in_thread(files.read, then, _reports_of_fault)


def keep_artefacts(collection: "Collection", then: Callable[[Collected], None], *, passed: bool) -> None:
    """Stores the artefacts of an attempt."""
    run_in_thread(partial(collection.keep, passed=passed), then, _artefacts_of_fault)


def gather(folder: str, node: attach_pb2.LaunchNode, then: Callable[[Inputs], None]) -> None:
    """Finds what an attempt gets from jobs that ran before it; `folder` is that of the run."""
    from gator.daemon.attempts.files.inputs import gather_inputs

    run_in_thread(partial(gather_inputs, folder, node), then, _inputs_of_fault)


class Removals:
    """The work after the ends of attempts, such as removing their folders. A drained host waits for it."""

    def __init__(self, on_done: Callable[[], None]) -> None:
        self._on_done = on_done
        self._running: set[asyncio.Future[None]] = set()

    @property
    def is_idle(self) -> bool:
        """Whether all work was done."""
        return not self._running

    def remove(self, remove: Callable[[], None]) -> None:
        """Removes something in a thread."""
        self.add(beside(remove))

    def add(self, removal: "asyncio.Future[None]") -> None:
        """Adds work that goes on already."""
        self._running.add(removal)
        removal.add_done_callback(self._take)

    def _take(self, removal: "asyncio.Future[None]") -> None:
        self._running.discard(removal)
        self._on_done()


def _reports_of_fault(fault: str) -> list[ReportFile]:
    return [ReportFile(required=False, problem=f"the test reports cannot be read: {fault}")]


def _artefacts_of_fault(fault: str) -> Collected:
    return Collected(problems=[f"its artefacts cannot be kept: {fault}"])


def _inputs_of_fault(fault: str) -> Inputs:
    return Inputs(problem=f"what it needs of other jobs cannot be read: {fault}")
