"""Checks whether a spec can run, for `run`, `--dry-run`, `plan` and `check`, and shows the plan."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gator.cli import output
from gator.cli.launch.config import Config
from gator.cli.launch.options import PlanOptions
from gator.cli.launch.request import plan_request
from gator.cli.launch.specs.load import LoadedSpec, load_spec
from gator.core.dispatch.pools import Pools
from gator.core.launch.runnable import Runnable, decide, unset_variables
from gator.errors import Problem, SpecError
from gator.plan.option_scope import describe_option_scope
from gator.runtime import loading
from gator.v1 import plan_pb2


def runnable_plan(
    request: plan_pb2.PlanRequest, pools: Pools, loaded: LoadedSpec, *, is_rerun: bool = False
) -> Runnable:
    """Returns the plan of a request, with the warnings of its spec.

    Raises SpecError with every problem and warning where it cannot run, and UsageError where options select
    nothing.
    """
    try:
        with loading.quickly():
            runnable = decide(request, pools, finds, is_rerun=is_rerun)
    except SpecError as error:
        raise SpecError(error.problems, (*loaded.warnings, *error.warnings)) from error
    return Runnable(runnable.plan, tuple(sorted({*loaded.warnings, *runnable.warnings})), runnable.notes)


def finds(program: str, path: str, cwd: str) -> bool:
    """Returns whether exec will find a program."""
    if "/" in program:
        return (Path(cwd) / program).exists()
    return shutil.which(program, path=path or None) is not None


def notes_of(runnable: Runnable, options: PlanOptions) -> Iterator[str]:
    """Yields notes: licenses without pools, and values that options of the command line do not change."""
    yield from runnable.notes
    for option, value in options.replacing_on_root():
        sentence = describe_option_scope(runnable.plan, option, value)
        if sentence:
            yield sentence


def warning_lines(warnings: Iterable[Problem]) -> Iterator[str]:
    """Yields each warning as a line with its location."""
    for problem in warnings:
        location = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
        yield f"{location}: warning: {problem.message}"


def print_warnings(runnable: Runnable) -> None:
    """Prints the warnings and notes about a plan on stderr."""
    warnings: Sequence[Problem] = sorted({*runnable.warnings, *unset_variables(runnable.plan)})
    for line in warning_lines(warnings):
        output.warn(line)


def show_plan(runnable: Runnable, options: PlanOptions) -> None:
    """Prints the plan, and its warnings and notes on stderr."""
    from gator.core.redact import secret_params
    from gator.plan.render import tree_text

    print_warnings(runnable)
    output.echo_lines(tree_text(runnable.plan, secret_params(runnable.plan.request)))
    for note in notes_of(runnable, options):
        output.echo(note)


def print_params(spec: str, options: PlanOptions, config: Config) -> None:
    """Prints the parameters of a spec. Raises SpecError and UsageError."""
    from gator.cli.launch.specs.params import help_lines

    loaded = load_spec(spec, options.ident, config)
    output.echo_lines("\n".join(help_lines(plan_request(loaded, options))) + "\n")
