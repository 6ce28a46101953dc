"""Runs the hooks of a job, with the environment and in the working directory of its attempt."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from gator.core.attempt.actions import RunHook
from gator.core.attempt.hooks import HookEnd
from gator.core.attempt.start.environment import NO_INPUTS, Inputs, Launcher, Prepared, UnsafeScriptError
from gator.daemon.attempts.hooks.hook_process import HookProcess
from gator.process.spawn import SpawnRequest
from gator.v1 import attach_pb2

StartHook: TypeAlias = Callable[[str, SpawnRequest, Callable[[HookEnd], None]], HookProcess]
"""Starts a hook by its name; the last argument gets its end, at once or later."""


class JobHooks:
    """The hooks of one attempt, whose environment has been prepared."""

    __slots__ = ("_birthmark", "_inherited", "_inputs", "_launcher", "_node", "_start", "prepared")

    def __init__(
        self,
        launcher: Launcher,
        node: attach_pb2.LaunchNode,
        prepared: Prepared,
        inputs: Inputs | None,
        birthmark: int,
        inherited: Mapping[int, int],
        start: StartHook,
    ) -> None:
        self._launcher, self._node, self.prepared = launcher, node, prepared
        self._inputs, self._birthmark, self._inherited = inputs or NO_INPUTS, birthmark, inherited
        self._start = start

    def run(self, action: RunHook, then: Callable[[HookEnd], None]) -> HookProcess | None:
        """Runs a hook; `then` gets its end. Returns None if that was at once."""
        try:
            argv, env = self._launcher.hook(
                self._node, self.prepared, self._inputs, action.name, action.outcome, action.reason
            )
        except UnsafeScriptError as error:
            then(HookEnd(action.name, problem=str(error)))
            return None
        request = SpawnRequest(
            argv,
            env,
            self.prepared.cwd,
            merge_stderr=True,
            birthmark=self._birthmark,
            inherited=self._inherited,
        )
        hook = self._start(action.name, request, then)
        return None if hook.is_over else hook
