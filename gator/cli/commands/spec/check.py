"""`gator check`: everything that is wrong with specs. Rule: nothing is started and nothing is written."""

from collections.abc import Sequence
from typing import Annotated

import typer

from gator.cli import exit_codes, output
from gator.cli.launch import option_types as types
from gator.cli.launch import options as opt
from gator.cli.launch.preflight import finds, runnable_plan, warning_lines
from gator.cli.launch.root_options import RootOptions
from gator.cli.sources.options import JsonOption
from gator.core.text import shorten_values
from gator.errors import Problem, SpecError, UserError
from gator.scheduler import Scheduler
from gator.units import plural


def check(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help="YAML files, or - for stdin.")],
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
    json: JsonOption = False,
) -> None:
    """Print every problem of a spec and of its plan; start nothing.

    The exit code is 2 if there is a problem, and 0 if there are only warnings.
    """
    choice = opt.Choice(
        only=only or [],
        skip=skip or [],
        tags=tag or [],
        seeds=seed or [],
        root=RootOptions(limit_warning, limit_error, limit_critical, timeout, deadline, max_fail),
    )
    sizes = opt.PoolSizes(jobs, memory, licenses or [])
    chosen = opt.scheduler_of(scheduler, sched_arg or [])
    wrong = False
    for spec in specs:
        problems, warnings = _look(spec, ident, choice, sizes, chosen)
        wrong = wrong or bool(problems)
        _say(spec, problems, warnings, json=json)
    if wrong:
        raise typer.Exit(exit_codes.USAGE)


def _say(spec: str, problems: Sequence[Problem], warnings: Sequence[Problem], *, json: bool) -> None:
    if json:
        for level, found in (("error", problems), ("warning", warnings)):
            for problem in found:
                output.say_json(_values(problem, level))
        return
    for problem in problems:
        output.say(shorten_values(str(problem)))
    for line in warning_lines(warnings):
        output.say(line)
    if not problems:
        output.say(f"{spec}: {output.paint('fine', 'passed')}{_count(len(warnings))}")


def _look(
    spec: str, ident: str | None, choice: opt.Choice, sizes: opt.PoolSizes, scheduler: Scheduler
) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """Returns the problems and warnings of one spec. Raises UsageError for an invalid option."""
    from gator.core.launch.runnable import advise, unset_variables
    from gator.plan import written_nodes

    try:
        loaded = opt.load_partly(spec, ident)
    except UserError as error:
        # The line begins with the name of the spec.
        return [Problem(spec, 0, 0, str(error).replace(f" {spec}:", ":", 1))], []
    if loaded.problems:
        if not loaded.spec.WhichOneof("node"):
            return loaded.problems, loaded.warnings
        request = opt.plan_request(loaded, opt.Choice())
        return loaded.problems, sorted({*loaded.warnings, *advise(written_nodes(request), request, finds)})
    request = opt.plan_request(loaded, choice)
    try:
        found = runnable_plan(request, opt.pools(loaded, sizes, scheduler), loaded)
    except SpecError as error:
        return error.problems, error.warnings
    return [], sorted({*found.warnings, *unset_variables(found.plan)})


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
