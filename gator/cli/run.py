"""`gator run`: from the command line to a plan, options and a root.

The rule: everything that depends on the process (argv, environment, terminal, signals) is read here.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gator.cli import run_options as opt
from gator.errors import UsageError
from gator.process.host import supported


def run(
    spec: Annotated[str, typer.Argument(help="The spec: a YAML file, or - for stdin.", metavar="SPEC")],
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", min=1, help="Cores to use at once; default: all this process may use."),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="Memory to use at once, such as 16GB; default: what the host has.")
    ] = None,
    licenses: Annotated[
        list[str] | None,
        typer.Option("--license", metavar="NAME=N", help="Size of a pool of licences; may be repeated."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Run only what matches, and what that waits for; @failed: of the last run."
        ),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Do not run what matches; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Run only what has this tag; may be repeated.")
    ] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(metavar="N|random|PATH=N", help="Seed of the run, or of one node; may be repeated."),
    ] = None,
    limit_warning: Annotated[
        int | None, typer.Option(min=0, help="Warnings a job may write; default: any number.")
    ] = None,
    limit_error: Annotated[int | None, typer.Option(min=0, help="Errors a job may write; default 0.")] = None,
    limit_critical: Annotated[
        int | None, typer.Option(min=0, help="Critical messages a job may write; default 0.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Longest time of one attempt, such as 90s or 1h30m.")
    ] = None,
    deadline: Annotated[
        str | None, typer.Option(metavar="TIME", help="Longest time of the whole run.")
    ] = None,
    max_fail: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Start nothing new after N failed jobs.")
    ] = None,
    tracking: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of this run; default: a new one in ./tracking.")
    ] = None,
    ident: Annotated[str | None, typer.Option("--id", metavar="NAME", help="Name of the root node.")] = None,
    placement: Annotated[
        opt.PlacementName,
        typer.Option(help="Where nodes live: auto, inline (one process), daemons, tiers (a daemon a group)."),
    ] = opt.PlacementName.AUTO,
    scheduler: Annotated[
        opt.SchedulerName, typer.Option(help="Where daemons run; this version knows local.")
    ] = opt.SchedulerName.LOCAL,
    sched_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Argument of the scheduler: concurrency=N means -j N."),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Longest time between two samples of a job; default 5s."),
    ] = None,
    log_cap: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Output stored per attempt; default 1GiB.")
    ] = None,
    text_logs: Annotated[
        opt.TextLogMode, typer.Option(help="Of which jobs the output is also written as a text file.")
    ] = opt.TextLogMode.FAILED,
    parent: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Inside a job: report the outcome to it, at $GATOR_PARENT."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only failures and the summary.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print starts and ends of jobs too.")
    ] = False,
    all_msg: Annotated[bool, typer.Option("--all-msg", help="Print the messages of all jobs.")] = False,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Live display; default: on a terminal.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would run, and start nothing.")
    ] = False,
) -> None:
    """Run a spec: start every job of its tree and keep all they say."""
    reason = supported()
    if reason is not None:
        raise UsageError(f"cannot run jobs: {reason}")
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
        opt.show_plan(request)
        return
    pools = opt.pools(loaded, jobs=jobs, memory=memory, licenses=licenses or [], sched_args=sched_arg or [])
    del scheduler
    from gator.cli.running import Launch, execute

    launch = Launch(
        loaded=loaded,
        request=request,
        pools=pools,
        placement=placement,
        tracking=tracking,
        deadline_millis=opt.millis(deadline, "--deadline") or 0,
        sample_interval_millis=opt.millis(interval, "--interval") or 5_000,
        log_cap_bytes=opt.size(log_cap, "--log-cap") or 1 << 30,
        text_logs=text_logs,
        parent=parent,
        quiet=quiet,
        verbose=verbose,
        all_messages=all_msg,
        progress=sys.stdout.isatty() if progress is None else progress,
    )
    raise typer.Exit(execute(launch))
