"""`gator run`: from the command line to a plan, options and a root.

The rule: everything that depends on the process (argv, environment, terminal, signals) is read here.
"""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer

from gator import loading
from gator.cli import run_options as opt
from gator.cli.last_globs import complete_only, complete_skip
from gator.cli.run_hub import HubLogs, chosen_hub, labels_of, waiting_upload
from gator.daemon.git_state import asking_git
from gator.errors import UsageError
from gator.process.host import supported

WHAT: Final = "What runs"
POOLS: Final = "How much at once"
LIMITS: Final = "When it fails"
RECORD: Final = "What is kept"
WHERE: Final = "Where it runs"
SHOWN: Final = "What is printed"
HUB: Final = "Where it is seen"


def run(
    spec: Annotated[str, typer.Argument(help="The spec: a YAML file, or - for stdin.", metavar="SPEC")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Run only what matches, and what that waits for; @failed: what failed in the last run. "
            "May be repeated, as --skip, --tag, --seed and --license.",
            rich_help_panel=WHAT,
            autocompletion=complete_only,
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Leave out what matches; @passed: what passed in the last run.",
            rich_help_panel=WHAT,
            autocompletion=complete_skip,
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAG", help="Run what has this tag, and what that waits for.", rich_help_panel=WHAT
        ),
    ] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N|random|PATH=N",
            help="Seed of the run, or of one node; default: that in the spec, else random.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    ident: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="NAME", help="Name of the root, instead of its ident.", rich_help_panel=WHAT
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would run; start nothing.", rich_help_panel=WHAT)
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "-j",
            "--jobs",
            min=1,
            metavar="N",
            help="Cores that all jobs may hold together; default: all that this process may use.",
            rich_help_panel=POOLS,
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Memory that all jobs may hold together, such as 16GB; default: that of the host.",
            rich_help_panel=POOLS,
        ),
    ] = None,
    licenses: Annotated[
        list[str] | None,
        typer.Option(
            "--license", metavar="NAME=N", help="How many of a licence there are.", rich_help_panel=POOLS
        ),
    ] = None,
    limit_warning: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="A job with more warnings fails; default: any number.",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    limit_error: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="A job with more errors fails; default: 0.", rich_help_panel=LIMITS
        ),
    ] = None,
    limit_critical: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="A job with more critical messages fails; default: 0.",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Longest time of a job where the spec says none, such as 90s or 1h30m.",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    deadline: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Longest time of the whole run.", rich_help_panel=LIMITS),
    ] = None,
    max_fail: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="After N failed jobs start nothing new.", rich_help_panel=LIMITS
        ),
    ] = None,
    tracking: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of this run; default: a new one in ./tracking.",
            rich_help_panel=RECORD,
        ),
    ] = None,
    text_logs: Annotated[
        opt.TextLogMode,
        typer.Option(
            help="Whose output is also written as a text file, in logs/ of the run's folder.",
            rich_help_panel=RECORD,
        ),
    ] = opt.TextLogMode.FAILED,
    log_cap: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Of a job's output store at most this much; default: 1GiB.",
            rich_help_panel=RECORD,
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Longest time between two looks at what a job uses; default: 5s.",
            rich_help_panel=RECORD,
        ),
    ] = None,
    parent: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help='Inside a job: report the outcome to it; give "$GATOR_PARENT".',
            rich_help_panel=RECORD,
        ),
    ] = None,
    placement: Annotated[
        opt.PlacementName,
        typer.Option(
            help="Processes that look after the jobs: this one (inline), a few (daemons), or one more for "
            "each group (tiers); auto: inline for a single job, else daemons.",
            rich_help_panel=WHERE,
        ),
    ] = opt.PlacementName.AUTO,
    scheduler: Annotated[
        opt.SchedulerName,
        typer.Option(help="Where jobs run: local is this host.", rich_help_panel=WHERE),
    ] = opt.SchedulerName.LOCAL,
    sched_arg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Argument of the scheduler; local knows concurrency=N, the same as -j N.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print only failures and the summary.", rich_help_panel=SHOWN),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print starts and ends of jobs too.", rich_help_panel=SHOWN),
    ] = False,
    all_msg: Annotated[
        bool, typer.Option("--all-msg", help="Print the messages of all jobs.", rich_help_panel=SHOWN)
    ] = False,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress",
            help="Live display; default: if stdout is a terminal.",
            rich_help_panel=SHOWN,
        ),
    ] = None,
    hub: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Show the run in this hub; default: $GATOR_HUB; none: in no hub.",
            rich_help_panel=HUB,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Name the run; may be repeated.", rich_help_panel=HUB),
    ] = None,
    hub_logs: Annotated[
        HubLogs,
        typer.Option(help="Which lines the hub keeps of it, besides all Results.", rich_help_panel=HUB),
    ] = HubLogs.ALL,
    hub_wait: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Longest time that the end of the run waits for the hub; default: 3s.",
            rich_help_panel=HUB,
        ),
    ] = None,
    hub_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Certificates to trust, in PEM; default: $GATOR_HUB_CA, else no TLS.",
            rich_help_panel=HUB,
        ),
    ] = None,
) -> None:
    """Run a spec: start every job of its tree and keep all they say."""
    reason = supported()
    if reason is not None:
        raise UsageError(f"cannot run jobs: {reason}")
    notices: list[tuple[str, bool]] = []
    hub_options = None if dry_run else chosen_hub(hub, hub_ca, hub_wait, notices)
    # With a hub it is asked beside the run.
    asking = nullcontext() if dry_run or hub_options is not None else asking_git(".")
    with waiting_upload(hub_options) as upload, asking as git:
        loaded = opt.load_spec(spec, ident)
        choice = opt.Choice(
            only=opt.with_last_failures(only or [], loaded, opt.tracking_root()),
            skip=skip or [],
            tags=tag or [],
            seeds=seed or [],
            limit_warning=limit_warning,
            limit_error=limit_error,
            limit_critical=limit_critical,
            timeout=timeout,
            max_fail=max_fail,
        )
        request = opt.plan_request(loaded, choice)
        if dry_run:
            opt.show_plan(request, loaded.warnings)
            return
        pools = opt.pools(
            loaded, jobs=jobs, memory=memory, licenses=licenses or [], sched_args=sched_arg or []
        )
        del scheduler
        with loading.quickly():
            from gator.cli.running import Launch, execute

        launch = Launch(
            loaded=loaded,
            request=request,
            pools=pools,
            placement=placement,
            tracking=tracking,
            deadline_millis=opt.millis(deadline, "--deadline") or 0,
            sample_interval_millis=opt.above_zero(opt.millis(interval, "--interval"), "--interval", 5_000),
            log_cap_bytes=opt.above_zero(opt.size(log_cap, "--log-cap"), "--log-cap", 1 << 30),
            text_logs=text_logs,
            parent=opt.parent_address(parent),
            quiet=quiet,
            verbose=verbose,
            all_messages=all_msg,
            progress=sys.stdout.isatty() if progress is None else progress,
            labels=labels_of(label or []),
            output=f"OUTPUT_{hub_logs.name}",
            hub=hub_options,
            notices=notices,
        )
        raise typer.Exit(execute(launch, upload, git))
