"""`gator check`: everything that is wrong with specs. Rule: nothing is started and nothing is written."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from gator.cli import faults, output
from gator.cli.plan_options import request_of
from gator.cli.selector_options import JsonOption
from gator.core.amounts import plural
from gator.errors import Problem, SpecError, UserError

if TYPE_CHECKING:
    from gator.plan import Plan


def check(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help="YAML files, or - for stdin.")],
    json: JsonOption = False,
) -> None:
    """Check specs and the plans made of them: every problem and warning at once, each with its place.

    Exit code 2 if something is wrong, 0 if there are warnings only.
    """
    wrong = False
    for spec in specs:
        problems, warnings = _look(spec)
        wrong = wrong or bool(problems)
        if json:
            for level, found in (("error", problems), ("warning", warnings)):
                for problem in found:
                    output.say_json(_values(problem, level))
            continue
        for problem in problems:
            output.say(str(problem))
        for problem in warnings:
            output.say(f"{problem.file}:{problem.line}:{problem.column}: warning: {problem.message}")
        if not problems:
            output.say(f"{spec}: {output.paint('fine', 'passed')}{_count(len(warnings))}")
    if wrong:
        raise typer.Exit(faults.USAGE)


def _look(spec: str) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings of one spec."""
    from gator.plan import make_plan

    warnings: list[Problem] = []
    try:
        request, warnings = request_of(spec)
        plan = make_plan(request)
    except SpecError as error:
        return list(error.problems), warnings
    except UserError as error:
        return [Problem(spec, 0, 0, str(error))], warnings
    return [], sorted({*warnings, *plan.warnings, *_unset(plan)})


def _unset(plan: "Plan") -> Iterator[Problem]:
    """A warning for each variable that a command would miss in the environment of this launch."""
    from gator.plan import problem_at
    from gator.spec import unset_names

    for node in plan.nodes.values():
        if node.job is None:
            continue
        environment = {**plan.request.environment, "PYTHONUNBUFFERED": "1"}
        for variable in node.settings.env:
            environment.pop(variable.name, None)
            if variable.HasField("value"):
                environment[variable.name] = variable.value
        for name in unset_names(node.job, environment):
            yield problem_at(
                node.position, f"${name} is not set here, so '{node.ident}' gets nothing in its place"
            )


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
