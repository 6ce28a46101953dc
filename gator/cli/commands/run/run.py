"""`gator run`: from the command line to a plan, options and a root.

The rule: everything that depends on the process (argv, environment, terminal, signals) is read here.
"""

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer

from gator.cli.launch import option_types as types
from gator.cli.launch import options as opt
from gator.cli.launch.hub import HubLogs, chosen_hub, labels_of, waiting_upload
from gator.cli.launch.part import Part
from gator.cli.launch.preflight import runnable_plan, show_plan
from gator.cli.launch.root_options import RootOptions
from gator.errors import UsageError
from gator.git import asking_git
from gator.process.host import supported
from gator.runtime import diagnostics, loading

RECORD: Final = "Record"
WHERE: Final = "Where to run"
SHOWN: Final = "Output"
HUB: Final = "Hub"


def run(
    spec: Annotated[str, typer.Argument(help="The spec: a YAML file, or - for stdin.", metavar="SPEC")],
    only: types.OnlyOption = None,
    skip: types.SkipOption = None,
    tag: types.TagOption = None,
    repeat: types.RepeatOption = None,
    seed: types.SeedOption = None,
    ident: types.IdentOption = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "-C",
            "--directory",
            metavar="DIR",
            help="Change to this folder first.",
            rich_help_panel=types.WHAT,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would run; start nothing.", rich_help_panel=types.WHAT),
    ] = False,
    jobs: types.JobsOption = None,
    memory: types.MemoryOption = None,
    licenses: types.LicenseOption = None,
    limit_warning: types.LimitWarningOption = None,
    limit_error: types.LimitErrorOption = None,
    limit_critical: types.LimitCriticalOption = None,
    timeout: types.TimeoutOption = None,
    deadline: types.DeadlineOption = None,
    max_fail: types.MaxFailOption = None,
    tracking: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Record the run in this folder; default: a new one in ./tracking.",
            rich_help_panel=RECORD,
        ),
    ] = None,
    text_logs: Annotated[
        opt.TextLogMode,
        typer.Option(
            case_sensitive=False,
            help="Choose the jobs whose output is also written as text files, in logs/ of the run's folder.",
            rich_help_panel=RECORD,
        ),
    ] = opt.TextLogMode.FAILED,
    log_cap: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE|none",
            help="Store at most this much output of a job; default: 1GiB.",
            rich_help_panel=RECORD,
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Set the maximum time between two samples of a job's usage; default: 5s.",
            rich_help_panel=RECORD,
        ),
    ] = None,
    parent: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help='Report the outcome to the job in which this runs; give "$GATOR_PARENT".',
            rich_help_panel=RECORD,
        ),
    ] = None,
    placement: Annotated[
        opt.PlacementName,
        typer.Option(
            case_sensitive=False,
            help="Choose the processes that run the jobs: this one (inline), a few (daemons), or one more "
            "for each group (tiers); auto: inline for a single job, else daemons.",
            rich_help_panel=WHERE,
        ),
    ] = opt.PlacementName.AUTO,
    scheduler: types.SchedulerOption = "local",
    sched_arg: types.SchedArgOption = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print only warnings and the summary.", rich_help_panel=SHOWN),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print the starts and ends of jobs too.", rich_help_panel=SHOWN),
    ] = False,
    all_msg: Annotated[
        bool, typer.Option("--all-msg", help="Print the messages of all jobs.", rich_help_panel=SHOWN)
    ] = False,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress",
            help="Show a live display; default: if stdout is a terminal.",
            rich_help_panel=SHOWN,
        ),
    ] = None,
    hub: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Send the run to this hub, or to no hub: none; default: $GATOR_HUB.",
            rich_help_panel=HUB,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Add a label; may be repeated.", rich_help_panel=HUB),
    ] = None,
    hub_logs: Annotated[
        HubLogs,
        typer.Option(
            case_sensitive=False,
            help="Choose the output that the hub keeps.",
            rich_help_panel=HUB,
        ),
    ] = HubLogs.ALL,
    hub_wait: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Wait at most this long for the hub when the run ends; default: 3s.",
            rich_help_panel=HUB,
        ),
    ] = None,
    hub_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Trust these certificates, in PEM; default: $GATOR_HUB_CA, else no TLS.",
            rich_help_panel=HUB,
        ),
    ] = None,
) -> None:
    """Run a spec: start the jobs of its tree and record their output."""
    reason = supported()
    if reason is not None:
        raise UsageError(f"cannot run jobs: {reason}")
    opt.check_log(os.environ.get(diagnostics.VARIABLE, ""))
    if folder is not None:
        opt.enter(folder)
    notices: list[tuple[str, bool]] = []
    hub_options = None if dry_run else chosen_hub(hub, hub_ca, hub_wait, notices)
    choice = opt.Choice(
        only=only or [],
        skip=skip or [],
        tags=tag or [],
        seeds=seed or [],
        root=RootOptions(limit_warning, limit_error, limit_critical, timeout, deadline, max_fail),
    )
    sizes = opt.PoolSizes(jobs, memory, licenses or [])
    chosen = opt.scheduler_of(scheduler, sched_arg or [])
    opt.check_placement(placement, chosen, scheduler)
    # With a hub it is asked beside the run.
    asking = nullcontext() if dry_run or hub_options is not None else asking_git(".")
    with waiting_upload(hub_options) as upload, asking as git:
        loaded = opt.load_spec(spec, ident)
        asked = Part(only or [], skip or [], tag or [], repeat or "")
        part = opt.part_of(asked, loaded, hub, hub_ca)
        request = opt.plan_request(loaded, choice, tracking, part)
        pools = opt.pools(loaded, sizes, chosen)
        sample_interval = opt.above_zero(opt.millis(interval, "--interval"), "--interval", 5_000)
        log_cap_bytes = opt.log_cap(log_cap)
        parent = opt.parent_address(parent)
        labels = labels_of(label or [])
        if dry_run:
            show_plan(runnable_plan(request, pools, loaded), choice)
            return
        with loading.quickly():
            from gator.cli.launch.execute import Launch, execute

        launch = Launch(
            loaded=loaded,
            choice=choice,
            request=request,
            selection=asked.selection(),
            repeats=part.repeat,
            pools=pools,
            placement=placement,
            scheduler=chosen,
            tracking=tracking,
            sample_interval_millis=sample_interval,
            log_cap_bytes=log_cap_bytes,
            text_logs=text_logs,
            parent=parent,
            quiet=quiet,
            verbose=verbose,
            all_messages=all_msg,
            progress=sys.stdout.isatty() if progress is None else progress,
            labels=labels,
            output=f"OUTPUT_{hub_logs.name}",
            hub=hub_options,
            notices=notices,
        )
        raise typer.Exit(execute(launch, upload, git))
