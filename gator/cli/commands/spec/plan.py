"""`gator plan`: what a spec would run. Rule: the very plan that `gator run` makes, shown and thrown away."""

from enum import Enum
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.launch import option_types as types
from gator.cli.launch import options as opt
from gator.cli.launch.preflight import notes_of, runnable_plan, say_warnings, show_plan
from gator.cli.launch.root_options import RootOptions
from gator.cli.secrets import hide_secrets_within, learn_secrets_of


class PlanFormat(Enum):
    """Values of --format."""

    TREE = "tree"
    MERMAID = "mermaid"
    JSON = "json"


def plan(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or - for stdin.")],
    style: Annotated[
        PlanFormat,
        typer.Option(
            "--format", "-f", case_sensitive=False, help="Print a tree, a Mermaid flowchart, or JSON."
        ),
    ] = PlanFormat.TREE,
    only: types.OnlyOption = None,
    skip: types.SkipOption = None,
    tag: types.TagOption = None,
    seed: types.SeedOption = None,
    ident: types.IdentOption = None,
    jobs: types.JobsOption = None,
    memory: types.MemoryOption = None,
    licenses: types.LicenseOption = None,
    scheduler: types.SchedulerOption = "local",
    sched_arg: types.SchedArgOption = None,
    limit_warning: types.LimitWarningOption = None,
    limit_error: types.LimitErrorOption = None,
    limit_critical: types.LimitCriticalOption = None,
    timeout: types.TimeoutOption = None,
    deadline: types.DeadlineOption = None,
    max_fail: types.MaxFailOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, as --format json.")] = False,
) -> None:
    """Show what a spec would run: order, dependencies, resources, repeats, seed."""
    from gator.plan import render

    choice = opt.Choice(
        only=only or [],
        skip=skip or [],
        tags=tag or [],
        seeds=seed or [],
        root=RootOptions(limit_warning, limit_error, limit_critical, timeout, deadline, max_fail),
    )
    loaded = opt.load_spec(spec, ident)
    request = opt.plan_request(loaded, choice)
    pools = opt.pools(
        loaded, opt.PoolSizes(jobs, memory, licenses or []), opt.scheduler_of(scheduler, sched_arg or [])
    )
    found = runnable_plan(request, pools, loaded)
    if json or style is PlanFormat.JSON:
        say_warnings(found)
        learn_secrets_of(request.spec)
        values = render.to_json(found.plan)
        values["warnings"] = [str(problem) for problem in found.warnings]
        output.say_json(hide_secrets_within({**values, "notes": list(notes_of(found, choice))}))
    elif style is PlanFormat.MERMAID:
        say_warnings(found)
        output.say_lines(render.mermaid(found.plan))
    else:
        show_plan(found, choice)
