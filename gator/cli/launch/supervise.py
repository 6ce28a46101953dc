"""Supervises a run from its start to its exit code: display, signals, upload.

Invariant: the first Ctrl-C or TERM ends the run in order, the second one kills everything.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from gator.cli import exit_codes
from gator.cli.launch.notices import Notice
from gator.cli.launch.plugins import start_plugins
from gator.cli.secrets import hide_secrets
from gator.clock import SystemClock
from gator.core.visible import visible
from gator.daemon.options import RunEnd, RunOptions
from gator.daemon.root import make_root
from gator.git import GitNote, GitQuestion
from gator.plan import Plan
from gator.ports import Display
from gator.run_folder import RunFolder
from gator.runtime import diagnostics, signals
from gator.runtime.loop import in_thread
from gator.upload.process import UploadProcess
from gator.v1 import attach_pb2, common_pb2


class PreparedRun(Struct, frozen=True):
    """A run with its folder and display, before anything of it starts."""

    folder: RunFolder
    plan: Plan
    options: RunOptions
    display: Display
    notices: Sequence[Notice]
    """Notices to print before anything starts."""
    parent: str | None
    """Address of the job to which the outcome is reported."""
    upload: UploadProcess | None
    """The process that will feed the hub."""
    git: GitQuestion | None
    """Queries the commit if there is no hub."""
    plugins: Sequence[str] = ()
    """Modules of plug-ins that are loaded besides those of packages."""


async def supervise(run: PreparedRun) -> int:
    """Carries out a run. Returns the exit code."""
    note = GitNote(run.git, run.folder.path) if run.git is not None else None
    loop = asyncio.get_running_loop()
    signals_received: list[int] = []
    is_finishing = False

    def on_signal(number: int) -> None:
        signals_received.append(number)
        if is_finishing:
            # Only the wait for the hub is left to stop.
            if root.uploader is not None:
                root.uploader.give_up()
            return
        is_repeated = len(signals_received) > 1
        name = signal.Signals(number).name
        action = "killing everything" if is_repeated else "stopping; once more to kill everything"
        run.display.on_notice(f"{name}: {action}", warning=True)
        mode = attach_pb2.STOP_MODE_NOW if is_repeated else attach_pb2.STOP_MODE_GRACEFUL
        root.stop(mode, message=f"stopped by {name}")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if not signals.is_ignored(number):
            loop.add_signal_handler(number, on_signal, number)
    for number in (signal.SIGCONT, signal.SIGWINCH):
        loop.add_signal_handler(number, lambda: run.display.on_terminal_changed(time.monotonic()))
    for notice in run.notices:
        run.display.on_notice(hide_secrets(notice.text), warning=notice.is_warning)
    diagnostics.start(run.options.environment, run.folder.path, "root")
    plugins = start_plugins(run.folder.path, run.plugins)
    root = make_root(run.folder, run.plan, run.options, run.display, SystemClock(), run.upload)
    end = await root.run()
    if note is not None:
        note.close()
    signals_before_end = len(signals_received)
    is_finishing = True
    if plugins is not None:
        for problem in await in_thread(plugins.finish):
            sys.stderr.write(f"gator: {visible(hide_secrets(problem))}\n")
    if root.uploader is not None:
        await root.uploader.finish()
    while not run.display.ready() and len(signals_received) == signals_before_end:  # noqa: ASYNC110
        # The reader of the output is slow, and no event says when it has caught up. Ctrl-C drops the rest.
        await asyncio.sleep(0.02)
    code = _conclude(run, end, is_stopped=signals_before_end > 0)
    if root.serving.is_held_up:
        # The server would also block the shutdown of the interpreter.
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    return code


def _conclude(run: PreparedRun, end: RunEnd, *, is_stopped: bool) -> int:
    """Reports the end of the run; returns the exit code."""
    if run.parent:
        from gator.cli.launch.nested import report

        report(run.parent, run.plan.root.ident, end.result)
    if end.fault:
        sys.stderr.write(f"gator: {visible(hide_secrets(end.fault))}\n")
        return exit_codes.FAULT
    if is_stopped:
        return exit_codes.INTERRUPTED
    return 0 if end.result.outcome == common_pb2.OUTCOME_PASSED else exit_codes.FAILED
