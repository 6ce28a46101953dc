"""`gator plan`: what a spec would run.

Invariant: the plan is made by the same code as for `gator run`.
"""

import os
from enum import Enum
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.launch.config import config_of, configured, given_options
from gator.cli.launch.options import PlanOptions
from gator.cli.launch.preflight import notes_of, print_params, print_warnings, runnable_plan, show_plan
from gator.cli.launch.request import plan_request, pools_of, resolved_selection, scheduler_of
from gator.cli.launch.specs.load import load_spec
from gator.cli.options.fields import with_options
from gator.cli.secrets import hide_secrets_within, learn_secrets_of


class PlanFormat(Enum):
    """Values of --format."""

    TREE = "tree"
    MERMAID = "mermaid"
    JSON = "json"


@with_options(PlanOptions)
def plan(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or - for stdin.")],
    options: PlanOptions,
    context: typer.Context,
    style: Annotated[
        PlanFormat,
        typer.Option(
            "--format", "-f", case_sensitive=False, help="Print a tree, a Mermaid flowchart, or JSON."
        ),
    ] = PlanFormat.TREE,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, as --format json.")] = False,
) -> None:
    """Show what a spec would run: order, dependencies, resources, repeats, seed."""
    from gator.core.redact import secret_params
    from gator.plan import render

    config = config_of(spec, os.environ)
    options, config = configured(options, config, given_options(context), os.environ)
    if options.help_params:
        print_params(spec, options, config)
        return
    loaded = load_spec(spec, options.ident, config)
    selection = resolved_selection(options, loaded)
    request = plan_request(loaded, options, selection)
    pools = pools_of(loaded, options, scheduler_of(options))
    runnable = runnable_plan(request, pools, loaded, is_rerun=bool(selection.repeat))
    if json or style is PlanFormat.JSON:
        print_warnings(runnable)
        learn_secrets_of(request)
        values = render.to_json(runnable.plan, secret_params(request))
        values["warnings"] = [str(problem) for problem in runnable.warnings]
        print_json(hide_secrets_within({**values, "notes": list(notes_of(runnable, options))}))
    elif style is PlanFormat.MERMAID:
        print_warnings(runnable)
        output.echo_lines(render.mermaid(runnable.plan))
    else:
        show_plan(runnable, options)
