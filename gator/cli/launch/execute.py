"""Carries out one run: folder, plan, root, display, signals, exit code.

Invariant: the first Ctrl-C or TERM ends the run in order, the second one kills everything.
"""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from gator import __version__
from gator.cli import error_report, exit_codes
from gator.cli.launch.launch_options import LaunchOptions, PlacementName
from gator.cli.launch.preflight import notes_of, runnable_plan
from gator.cli.launch.request import job_environment, launch_environment
from gator.cli.launch.requested_selection import RequestedSelection, requested_selection
from gator.cli.launch.spec import LoadedSpec
from gator.cli.secrets import hide_secrets, learn_secrets
from gator.cli.tracking import tracking_root
from gator.cli.user import user_name
from gator.clock import SystemClock
from gator.console import make_display
from gator.core.attempt.environment import HUB_TOKEN
from gator.core.dispatch.pools import Pools
from gator.core.launch import printed
from gator.core.launch.runnable import Runnable
from gator.core.launch.variables import launch_variables, unset_variables
from gator.core.redact import hide, hide_within, mask, mask_variables, secret_names
from gator.core.run_key import KEY_BYTES, run_id_of
from gator.core.visible import visible
from gator.daemon.modes import Placement
from gator.daemon.options import RunEnd, RunOptions
from gator.daemon.recovery import close_latest
from gator.daemon.root import make_root
from gator.errors import UsageError
from gator.git import GitNote, GitQuestion
from gator.loop import run_loop
from gator.plan import Plan, make_plan
from gator.ports import Display
from gator.process.host import RPC_THREADS, RUN_TASKS, lacks_threads, save_address_space
from gator.run_folder import RunFolder
from gator.runtime import diagnostics, signals
from gator.scheduler import Scheduler
from gator.units import plural
from gator.upload.options import UploadOptions
from gator.upload.process import UploadProcess
from gator.v1 import attach_pb2, common_pb2, plan_pb2, query_pb2

MAX_WARNINGS = 10
"""Maximum number of warnings about a spec that are printed before its run."""


class Launch(Struct, frozen=True):
    """A run that is ready to start."""

    options: LaunchOptions
    loaded: LoadedSpec
    selection: RequestedSelection
    """The resolved selection."""
    request: plan_pb2.PlanRequest
    pools: Pools
    scheduler: Scheduler
    labels: Mapping[str, str]
    hub: UploadOptions | None
    notices: Sequence[tuple[str, bool]]
    """Notices to print before anything starts, each with whether it is a warning."""


def execute(launch: Launch, upload: UploadProcess | None = None, git: GitQuestion | None = None) -> int:
    """Carries out a run; returns the exit code.

    `upload` is the process that will feed the hub; `git` asks for the commit if there is no hub.
    """
    key = secrets.token_bytes(KEY_BYTES)
    launch.request.run = run_id_of(key)
    # The plan is made before the folder, so that a spec that cannot run leaves nothing behind.
    found = runnable_plan(launch.request, launch.pools, launch.loaded)
    plan = found.plan
    notices = [*launch.notices, *_notices(launch, found)]
    placement = _placement(launch.options.placement, plan, launch.scheduler)
    hub, upload = _with_room(launch.hub, upload, placement, notices)
    close_latest(tracking_root().absolute())
    folder = _make_folder(launch, plan.root.ident)
    folder.write_key(key)
    folder.write_hub_token(os.environ.get(HUB_TOKEN, ""))
    launch.request.run_dir = str(folder.path)
    plan = make_plan(launch.request)
    error_report.set_fault_log(folder.fault_log)
    display = make_display(
        sys.stdout,
        single=plan.root.job is not None,
        quiet=launch.options.quiet,
        verbose=launch.options.verbose,
        all_messages=launch.options.all_messages,
        progress=launch.options.shows_progress(),
        environment=os.environ,
    )
    options = RunOptions(
        pools=launch.pools,
        placement=placement,
        scheduler=launch.scheduler,
        environment=job_environment(),
        launch_dir=str(Path.cwd()),
        description=_description(launch, plan),
        sample_interval_millis=launch.options.sample_interval_millis(),
        log_cap_bytes=launch.options.log_cap_bytes(),
        text_logs=launch.options.text_logs,
        hub=hub,
        secrets=secret_names(launch.request),
    )
    return run_loop(_run(launch, folder, plan, options, display, notices, upload, git))


def _conclude(launch: Launch, plan: Plan, end: RunEnd, *, stopped: bool) -> int:
    """Reports the end of the run; returns the exit code."""
    if launch.options.parent:
        from gator.cli.launch.nested import report

        report(launch.options.parent, plan.root.ident, end.result)
    if end.fault:
        sys.stderr.write(f"gator: {visible(hide_secrets(end.fault))}\n")
        return exit_codes.FAULT
    if stopped:
        return exit_codes.INTERRUPTED
    return 0 if end.result.outcome == common_pb2.OUTCOME_PASSED else exit_codes.FAILED


async def _run(
    launch: Launch,
    folder: RunFolder,
    plan: Plan,
    options: RunOptions,
    display: Display,
    notices: Sequence[tuple[str, bool]],
    upload: UploadProcess | None,
    git: GitQuestion | None,
) -> int:
    note = GitNote(git, folder.path) if git is not None else None
    loop = asyncio.get_running_loop()
    stops: list[int] = []
    over = False

    def on_signal(number: int) -> None:
        stops.append(number)
        if over:
            # Only the wait for the hub is left to stop.
            if root.uploader is not None:
                root.uploader.give_up()
            return
        at_once = len(stops) > 1
        name = signal.Signals(number).name
        display.on_notice(
            f"{name}: killing everything" if at_once else f"{name}: stopping; once more to kill everything",
            warning=True,
        )
        mode = attach_pb2.STOP_MODE_NOW if at_once else attach_pb2.STOP_MODE_GRACEFUL
        root.stop(mode, message=f"stopped by {name}")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if not signals.is_ignored(number):
            loop.add_signal_handler(number, on_signal, number)
    for number in (signal.SIGCONT, signal.SIGWINCH):
        loop.add_signal_handler(number, lambda: display.on_terminal_changed(time.monotonic()))
    for text, warning in notices:
        display.on_notice(hide_secrets(text), warning=warning)
    diagnostics.start(options.environment, folder.path, "root")
    root = make_root(folder, plan, options, display, SystemClock(), upload)
    end = await root.run()
    if note is not None:
        note.close()
    at_end = len(stops)
    over = True
    if root.uploader is not None:
        await root.uploader.finish()
    while not display.ready() and len(stops) == at_end:  # noqa: ASYNC110 - only asking tells
        # The reader of the output is slow; Ctrl-C drops the rest.
        await asyncio.sleep(0.02)
    code = _conclude(launch, plan, end, stopped=at_end > 0)
    if root.serving.is_held_up:
        # The server would also block the end of the interpreter.
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    return code


def _placement(name: PlacementName, plan: Plan, scheduler: Scheduler) -> Placement:
    if not scheduler.allows_inline and (name is PlacementName.AUTO or plan.root.job is not None):
        return Placement.DAEMONS
    if name is PlacementName.AUTO:
        return Placement.INLINE if plan.root.job is not None else Placement.AUTO
    if name is PlacementName.TIERS and plan.root.job is not None:
        return Placement.INLINE
    return Placement(name.value)


def _with_room(
    hub: UploadOptions | None,
    upload: UploadProcess | None,
    placement: Placement,
    notices: list[tuple[str, bool]],
) -> tuple[UploadOptions | None, UploadProcess | None]:
    """Returns the hub and the process that feeds it; None for both if the limit on threads is too low.

    A notice tells that the hub is not used. Raises UsageError if the limit is too low to run any job.
    """
    save_address_space()
    # The number of threads for the root and a first daemon.
    count = RUN_TASKS if placement is Placement.INLINE else RUN_TASKS + 2 * RPC_THREADS
    if hub is not None:
        lacking = lacks_threads(count + RPC_THREADS)
        if lacking is None:
            return hub, upload
        notices.append((f"the hub at {hub.address} gets nothing of this run: {lacking}", True))
        if upload is not None:
            upload.dismiss()
    lacking = lacks_threads(count)
    if lacking is not None:
        raise UsageError(f"cannot run jobs: {lacking}")
    return None, None


def _notices(launch: Launch, found: Runnable) -> Iterator[tuple[str, bool]]:
    """Yields the notices to print before anything starts, each with whether it is a warning."""
    for problem in found.warnings[:MAX_WARNINGS]:
        yield str(problem), True
    if len(found.warnings) > MAX_WARNINGS:
        more = plural(len(found.warnings) - MAX_WARNINGS, "more warning")
        spec = launch.loaded.name
        checked = printed.command("check", spec if spec == "stdin.yaml" else str(Path(spec).absolute()))
        yield f"{more}: {checked} shows all of them", True
    for note in notes_of(found, launch.options):
        yield note, False


def _make_folder(launch: Launch, ident: str) -> RunFolder:
    if launch.options.tracking is not None:
        return RunFolder.exactly(launch.options.tracking)
    return RunFolder.create(tracking_root().absolute(), ident, time.strftime("%Y%m%d-%H%M%S"))


def _description(launch: Launch, plan: Plan) -> attach_pb2.RunDescription:
    """Returns what the record says of the launch. Secrets are masked."""
    request = plan_pb2.PlanRequest()
    request.CopyFrom(launch.request)
    names = secret_names(launch.request)
    secret = learn_secrets(mask_variables(request, names), names)
    hide_within(request, secret)
    environment = mask(launch_environment(), names)
    request.environment.clear()
    request.environment.update(zip(environment, hide([*environment.values()], secret), strict=True))
    variables = launch_variables(plan, launch_environment())
    run = query_pb2.Run(
        ident=plan.root.ident,
        spec=launch.loaded.name,
        argv=hide(sys.argv, secret),
        parent=launch.selection.repeat,
        user=user_name(),
        launch_dir=str(Path.cwd()),
        variables={name: value for name, value in variables.items() if value is not None},
        unkept_variables=[name for name, value in variables.items() if value is None],
        unset_variables=unset_variables(plan, launch_environment()),
        version=__version__,
        seed=launch.request.seed,
        inside=os.environ.get("GATOR_RUN_DIR", ""),
        inside_path=os.environ.get("GATOR_PATH", ""),
        labels=dict(
            zip(hide([*launch.labels], secret), hide([*launch.labels.values()], secret), strict=True)
        ),
    )
    for value in launch.loaded.config.values:
        run.config.add(file=value.file, key=value.key, value=hide([value.value], secret)[0])
    selection = requested_selection(launch.options).selection()
    if selection.ListFields():
        run.selection.CopyFrom(selection)
        hide_within(run.selection, secret)
    return attach_pb2.RunDescription(
        run=run,
        plan=request,
        pools=launch.pools.message(),
        output=attach_pb2.Output.Value(f"OUTPUT_{launch.options.hub_logs.name}"),
    )
