"""Runs the hooks of groups and arrays, in the process that hosts their tiers.

Invariant: each hook that is run is answered once, and nothing is made before the first one.
"""

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gator.core.attempt.hooks import HookEnd
from gator.core.attempt.start.environment import Launcher, UnsafeScriptError, hook_environment
from gator.errors import UserError
from gator.process.ownership.birthmark import birthmarks
from gator.process.pipes import Pipes
from gator.process.reaper import Reaper
from gator.process.spawn import SpawnRequest
from gator.v1 import attach_pb2, spec_pb2

if TYPE_CHECKING:
    from gator.core.tree.actions import RunHook
    from gator.daemon.attempts.hooks.hook_process import HookProcess


class GroupHooks:
    """Runs hooks on one event loop. `make_launcher` is called before the first one."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, reaper: Reaper, make_launcher: Callable[[], Launcher]
    ) -> None:
        self._loop, self._reaper, self._make_launcher = loop, reaper, make_launcher
        self._launcher: Launcher | None = None
        self._pipes: Pipes | None = None
        self._running: dict[str, HookProcess] = {}

    def run(self, action: "RunHook", then: Callable[[str, HookEnd], None]) -> None:
        """Runs a hook; `then` gets the path of the group and the end of the hook."""
        # Few groups have hooks.
        from gator.daemon.attempts.hooks.hook_process import HookProcess

        if self._launcher is None or self._pipes is None:
            self._launcher, self._pipes = self._make_launcher(), Pipes(self._loop)
        try:
            command = _command(self._launcher, action)
        except (UserError, UnsafeScriptError) as error:
            then(action.path, HookEnd(action.name, problem=str(error)))
            return
        timer: list[asyncio.TimerHandle] = []
        hook = HookProcess(
            action.name, command, self._reaper, self._pipes, partial(self._on_end, action.path, timer, then)
        )
        if not hook.is_over:
            self._running[action.path] = hook
            if action.timeout_nanos:
                kill = partial(hook.signal, signal.SIGKILL)
                timer.append(self._loop.call_later(action.timeout_nanos / 1e9, kill))

    def signal(self, path: str, number: int) -> None:
        """Sends a signal to the hook of a group, if one runs."""
        hook = self._running.get(path)
        if hook is not None:
            hook.signal(number)

    def _on_end(
        self,
        path: str,
        timer: list[asyncio.TimerHandle],
        then: Callable[[str, HookEnd], None],
        end: HookEnd,
    ) -> None:
        self._running.pop(path, None)
        for handle in timer:
            handle.cancel()
        then(path, end)


def _command(launcher: Launcher, action: "RunHook") -> SpawnRequest:
    """Returns the command of a hook; it has no attempt, and no parent to which it could report."""
    settings = spec_pb2.Settings()
    settings.CopyFrom(action.node.resolved_at(action.path).settings)
    settings.ClearField("scratch")
    node = attach_pb2.LaunchNode(
        path=action.path, seed=action.seed, job=spec_pb2.Job(shell=action.text, settings=settings)
    )
    prepared = launcher.prepare(node, "")
    env = hook_environment(prepared.env, action.outcome, action.reason)
    for name in ("GATOR_PARENT", "GATOR_TOKEN", "GATOR_ATTEMPT", "GATOR_CORES", "GATOR_MEMORY_MB"):
        env.pop(name, None)
    mark = birthmarks(launcher.run, env["GATOR_DAEMON"]).number
    return SpawnRequest(prepared.argv, env, prepared.cwd, merge_stderr=True, birthmark=mark)
