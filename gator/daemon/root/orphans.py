"""Ends processes of a run that no daemon ends: those of dead daemons, and orphans.

Invariant: orphans are not ended while jobs run in this process, because they cannot be told apart.
"""

from gator.daemon.attempts.host import WrapperHost
from gator.ports import Display
from gator.process.ownership.select import name_all
from gator.process.reaper import Reaper
from gator.process.sweep import sweep
from gator.process.terminate import Terminator
from gator.runtime.loop import in_thread


class Orphans:
    """Ends and reports these processes. `host` runs the jobs of this process; None if it runs none."""

    def __init__(self, run: str, reaper: Reaper, host: WrapperHost | None, display: Display) -> None:
        self._run, self._host, self._display = run, host, display
        self._terminator = Terminator(reaper.watched) if host is None else host

    async def sweep(self, daemon: str) -> None:
        """Kills the remaining processes of a dead daemon; unmarked ones became children of this process."""
        await in_thread(sweep, self._run, daemon)
        if self._host is None or not self._host.running:
            # Otherwise they are ended with the run.
            await self.end_adopted(0.0)

    async def end_adopted(self, grace_seconds: float) -> None:
        """Ends the orphans that this process adopted and reports them."""
        ended = await self._terminator.end_adopted(grace_seconds)
        if ended.processes:
            described = name_all(ended.processes)
            self._display.on_notice(
                f"ended orphan processes of this run that belong to no known job: {described}", warning=True
            )
