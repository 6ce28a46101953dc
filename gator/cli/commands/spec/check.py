"""`gator check`: the problems of specs.

Invariant: nothing is started and nothing is written.
"""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from gator.cli import exit_codes, output
from gator.cli.json_output import print_json
from gator.cli.launch.config import config_of, configured, given_options
from gator.cli.launch.options import PlanOptions
from gator.cli.launch.preflight import finds, print_params, runnable_plan, warning_lines
from gator.cli.launch.request import plan_request, pools_of, resolved_selection, scheduler_of
from gator.cli.launch.specs.load import load_partly
from gator.cli.options.fields import with_options
from gator.cli.sources.options import JsonOption
from gator.core.text import shorten_values
from gator.errors import Problem, SpecError, UserError
from gator.units import plural


@with_options(PlanOptions)
def check(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help="YAML files, or - for stdin.")],
    options: PlanOptions,
    context: typer.Context,
    json: JsonOption = False,
) -> None:
    """Print every problem of a spec and of its plan; start nothing.

    Cycles, ${{ }} values and resources are checked when keys and names are correct. The exit code is 2 if
    there is a problem, and 0 if there are only warnings.
    """
    wrong = False
    for spec in specs:
        if options.help_params:
            print_params(spec, options, config_of(spec, os.environ))
            continue
        problems, warnings = _problems_of(spec, options, given_options(context))
        wrong = wrong or bool(problems)
        _print_problems(spec, problems, warnings, json=json)
    if wrong:
        raise typer.Exit(exit_codes.USAGE)


def _print_problems(
    spec: str, problems: Sequence[Problem], warnings: Sequence[Problem], *, json: bool
) -> None:
    if json:
        for level, listed in (("error", problems), ("warning", warnings)):
            for problem in listed:
                print_json(_values(problem, level))
        return
    for problem in problems:
        output.echo(shorten_values(str(problem)))
    for line in warning_lines(warnings):
        output.echo(line)
    if not problems:
        output.echo(f"{spec}: {output.paint('fine', 'passed')}{_count(len(warnings))}")


def _problems_of(
    spec: str, options: PlanOptions, given: frozenset[str]
) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """Returns the problems and warnings of one spec. Raises UsageError for an invalid option."""
    from gator.core.launch.runnable import advise, unset_variables
    from gator.plan import written_nodes

    try:
        config = config_of(spec, os.environ)
        options, config = configured(options, config, given, os.environ)
        loaded = load_partly(spec, options.ident, config)
    except SpecError as error:
        return error.problems, error.warnings
    except UserError as error:
        # The line begins with the name of the spec.
        return [Problem(spec, 0, 0, str(error).replace(f" {spec}:", ":", 1))], []
    if loaded.problems:
        if not loaded.spec.WhichOneof("node"):
            return loaded.problems, loaded.warnings
        request = plan_request(loaded, PlanOptions())
        return loaded.problems, sorted({*loaded.warnings, *advise(written_nodes(request), request, finds)})
    selection = resolved_selection(options, loaded)
    request = plan_request(loaded, options, selection)
    try:
        pools = pools_of(loaded, options, scheduler_of(options))
        runnable = runnable_plan(request, pools, loaded, is_rerun=bool(selection.repeat))
    except SpecError as error:
        return error.problems, error.warnings
    return [], sorted({*runnable.warnings, *unset_variables(runnable.plan)})


def _count(warnings: int) -> str:
    return f", {plural(warnings, 'warning')}" if warnings else ""


def _values(problem: Problem, level: str) -> dict[str, str | int]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "level": level,
        "message": problem.message,
    }
