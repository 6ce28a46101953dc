"""`gator plan`: what a spec would run. Rule: the very plan that `gator run` makes, shown and thrown away."""

from enum import Enum
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.last_globs import complete_only, complete_skip
from gator.cli.plan_options import request_of


class PlanFormat(Enum):
    """Values of --format."""

    TREE = "tree"
    MERMAID = "mermaid"
    JSON = "json"


def plan(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or - for stdin.")],
    style: Annotated[
        PlanFormat, typer.Option("--format", "-f", help="A tree, a Mermaid flowchart, or JSON.")
    ] = PlanFormat.TREE,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Only what matches, and what that waits for, or @failed.",
            autocompletion=complete_only,
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Not what matches, or @passed; may be repeated.",
            autocompletion=complete_skip,
        ),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Only what has this tag; may be repeated.")
    ] = None,
    seed: Annotated[
        list[str] | None, typer.Option(metavar="N|random|PATH=N", help="Seed of the run, or of one node.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show the tree that a spec would run: dependencies, resources, repeats, seed."""
    from gator.plan import make_plan, render

    request, warnings = request_of(spec, only=only or [], skip=skip or [], tags=tag or [], seeds=seed or [])
    made = make_plan(request)
    for problem in sorted({*warnings, *made.warnings}):
        output.complain(f"{problem.file}:{problem.line}:{problem.column}: warning: {problem.message}")
    if json or style is PlanFormat.JSON:
        output.say_json(render.to_json(made))
    elif style is PlanFormat.MERMAID:
        output.say_lines(render.mermaid(made))
    else:
        output.say_lines(render.tree_text(made))
