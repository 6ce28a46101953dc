"""Prepares a run: plan, placement, folder, display and description.

Invariant: a spec that cannot run leaves no folder behind.
"""

import os
import secrets
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from gator import __version__
from gator.cli import error_report
from gator.cli.launch.notices import Notice, notices_of
from gator.cli.launch.options import LaunchOptions
from gator.cli.launch.preflight import runnable_plan
from gator.cli.launch.request import job_environment, launch_environment
from gator.cli.launch.reruns.requested_selection import RequestedSelection, requested_selection
from gator.cli.launch.specs.load import LoadedSpec
from gator.cli.launch.supervise import PreparedRun, supervise
from gator.cli.run_report import report_folder
from gator.cli.secrets import learn_secrets
from gator.cli.tracking import tracking_root
from gator.cli.user import user_name
from gator.console import make_display
from gator.core.attempt.start.environment import HUB_TOKEN
from gator.core.dispatch.pools import Pools
from gator.core.history.cause_rules import root_causes
from gator.core.launch.variables import launch_variables, unset_variables
from gator.core.redact import hide, hide_within, mask, mask_variables, secret_names
from gator.core.run_key import KEY_BYTES, run_id_of
from gator.daemon.modes import Placement
from gator.daemon.options import RunOptions
from gator.daemon.recovery import close_latest
from gator.errors import UsageError
from gator.git import GitQuestion
from gator.plan import Plan, make_plan, relative_contracts
from gator.ports import Display, EarlierRuns
from gator.process.host import RPC_THREADS, RUN_TASKS, lacks_threads, save_address_space
from gator.run_folder import RunFolder
from gator.runtime.loop import run_loop
from gator.scheduler import Scheduler
from gator.upload.options import UploadOptions
from gator.upload.process import UploadProcess
from gator.v1 import attach_pb2, plan_pb2, query_pb2


class Launch(Struct, frozen=True):
    """A run whose options and spec are known."""

    options: LaunchOptions
    loaded: LoadedSpec
    selection: RequestedSelection
    """The resolved selection."""
    request: plan_pb2.PlanRequest
    pools: Pools
    scheduler: Scheduler
    labels: Mapping[str, str]
    hub: UploadOptions | None
    notices: Sequence[Notice]
    """Notices to print before anything starts."""


def execute(launch: Launch, upload: UploadProcess | None = None, git: GitQuestion | None = None) -> int:
    """Carries out a run; returns the exit code.

    `upload` is the process that will feed the hub; `git` asks for the commit if there is no hub.
    """
    return run_loop(supervise(_prepare(launch, upload, git)))


def _prepare(launch: Launch, upload: UploadProcess | None, git: GitQuestion | None) -> PreparedRun:
    """Makes the plan, the folder and the display of a run. Raises SpecError and UsageError."""
    key = secrets.token_bytes(KEY_BYTES)
    launch.request.run = run_id_of(key)
    # The plan is made twice: before the folder, so that a spec that cannot run leaves nothing behind, and
    # after it, because values may contain the path of the folder.
    runnable = runnable_plan(
        launch.request, launch.pools, launch.loaded, is_rerun=bool(launch.selection.repeat)
    )
    is_single = runnable.plan.root.job is not None
    notices = [*launch.notices, *notices_of(launch.loaded, runnable, launch.options)]
    notices += _ask_baselines(launch, runnable.plan)
    placement = _placement(launch.options.placement, launch.scheduler, is_single=is_single)
    hub = launch.hub
    save_address_space()
    if hub is not None and (shortage := _thread_shortage(placement, with_hub=True)):
        notices.append(Notice(f"the run is not uploaded to the hub at {hub.address}: {shortage}"))
        if upload is not None:
            upload.dismiss()
        hub = upload = None
    if hub is None and (shortage := _thread_shortage(placement, with_hub=False)):
        raise UsageError(f"cannot run jobs: {shortage}")
    close_latest(tracking_root().absolute())
    folder = _make_folder(launch, runnable.plan.root.ident)
    report_folder(folder.path)
    folder.write_key(key)
    folder.write_hub_token(os.environ.get(HUB_TOKEN, ""))
    launch.request.run_dir = str(folder.path)
    error_report.set_fault_log(folder.fault_log)
    plan = make_plan(launch.request)
    notices += _adopt_artefacts(launch, plan, folder.path)
    return PreparedRun(
        folder=folder,
        plan=plan,
        options=_run_options(launch, plan, placement, hub),
        display=_display(launch.options, folder.path, is_single=is_single),
        notices=notices,
        parent=launch.options.parent,
        plugins=launch.options.plugins,
        upload=upload,
        git=git,
    )


def _ask_baselines(launch: Launch, plan: Plan) -> list[Notice]:
    """Adds the figures of earlier runs to the request of the plan; returns warnings."""
    if next(relative_contracts(plan.nodes.values()), None) is None:
        return []
    # Most runs have no contracts that are relative to earlier runs.
    from gator.cli.launch.baselines import ask_baselines

    selection = requested_selection(launch.options).selection()
    baselines, notices = ask_baselines(
        plan, launch.options, selection, launch.selection.repeat, tracking_root().absolute(), launch.hub
    )
    launch.request.baselines.CopyFrom(baselines)
    return notices


def _adopt_artefacts(launch: Launch, plan: Plan, folder: Path) -> list[Notice]:
    """Copies to a rerun the artefacts of the jobs that it does not repeat; returns warnings."""
    if not launch.selection.repeat:
        return []
    from gator.cli.launch.artefacts import adopt_artefacts

    return adopt_artefacts(plan, folder, launch.selection.repeat, tracking_root().absolute())


def _display(options: LaunchOptions, folder: Path, *, is_single: bool) -> Display:
    return make_display(
        sys.stdout,
        single=is_single,
        quiet=options.quiet,
        verbose=options.verbose,
        all_messages=options.all_messages,
        progress=options.shows_progress(),
        environment=os.environ,
        find_earlier_runs=partial(_find_earlier_runs, folder),
    )


def _find_earlier_runs(folder: Path, causes: Iterable[str]) -> EarlierRuns:
    # Only runs with failures need them.
    from gator.cli.launch.earlier_runs import find_earlier_runs

    return find_earlier_runs(folder, causes)


def _run_options(launch: Launch, plan: Plan, placement: Placement, hub: UploadOptions | None) -> RunOptions:
    return RunOptions(
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


def _placement(chosen: Placement, scheduler: Scheduler, *, is_single: bool) -> Placement:
    """Returns the placement to use for the one that the user chose."""
    if not scheduler.allows_inline and (chosen is Placement.AUTO or is_single):
        return Placement.DAEMONS
    if is_single and chosen in (Placement.AUTO, Placement.TIERS):
        return Placement.INLINE
    return chosen


def _thread_shortage(placement: Placement, *, with_hub: bool) -> str | None:
    """Returns why the limit on threads is too low for a run; None if it is not."""
    count = RUN_TASKS
    if placement is not Placement.INLINE:
        # The servers of the root and of its first daemon each have this many threads.
        count += 2 * RPC_THREADS
    if with_hub:
        count += RPC_THREADS
    return lacks_threads(count)


def _make_folder(launch: Launch, ident: str) -> RunFolder:
    if launch.options.tracking is not None:
        return RunFolder.exactly(launch.options.tracking)
    return RunFolder.create(tracking_root().absolute(), ident, time.strftime("%Y%m%d-%H%M%S"))


def _params(plan: Plan, request: plan_pb2.PlanRequest, secrets: Sequence[str]) -> dict[str, str]:
    if not any(node.settings.params for node in plan.nodes.values()):
        return {}
    # Most specs have no parameters.
    from gator.cli.launch.specs.params import recorded_params

    params = recorded_params(request)
    return dict(zip(params, hide([*params.values()], secrets), strict=True))


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
        argv=hide(launch.selection.command_line(sys.argv), secret),
        parent=launch.selection.repeat,
        user=user_name(),
        launch_dir=str(Path.cwd()),
        variables={name: value for name, value in variables.items() if value is not None},
        unkept_variables=[name for name, value in variables.items() if value is None],
        unset_variables=unset_variables(plan, launch_environment()),
        version=__version__,
        seed=launch.request.seed,
        params=_params(plan, launch.request, secret),
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
        causes=root_causes(request),
        pools=launch.pools.message(),
        output=attach_pb2.Output.Value(f"OUTPUT_{launch.options.hub_logs.name}"),
    )
