"""Decides whether a run can start, for `gator run`, `--dry-run`, `gator plan` and `gator check` alike.

Invariant: pure. The same request and pools give the same answer everywhere; programs are looked up by a
function that is passed in.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from gator.core.attempt.start.environment import job_environment
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import DemandKey, Pools
from gator.errors import Problem, SpecError, UserError
from gator.plan import Plan, PlanNode, known_text, make_plan, problem_at, written_nodes
from gator.spec import unset_names
from gator.spec.exec_limits import (
    MAX_STRING_BYTES,
    ONE_PROGRAM,
    USUAL_TOTAL_BYTES,
    byte_length,
    too_long,
    total_length,
)
from gator.spec.expand import expand
from gator.spec.interpolation import label_of
from gator.units import plural
from gator.v1 import plan_pb2

Finds: TypeAlias = Callable[[str, str, str], bool]
"""Returns whether a program exists, given its name or path, and the PATH and working directory of its job."""

MAX_PLACES: Final = 10
"""Maximum number of jobs listed with the same problem."""
_SHELL: Final = re.compile(r"[\s|&;<>]")
"""Matches characters that are rare in names of programs and common in shell command lines."""


class Runnable(Struct, frozen=True):
    """A plan that can run."""

    plan: Plan
    warnings: tuple[Problem, ...]
    """Likely mistakes that do not prevent the run."""
    notes: tuple[str, ...]


def decide(request: plan_pb2.PlanRequest, pools: Pools, finds: Finds, *, is_rerun: bool = False) -> Runnable:
    """Returns the plan of a request that can run with these pools.

    With `is_rerun`, jobs get artefacts from the run that is repeated if this run has not their producers.

    Raises SpecError with every problem and warning where it cannot, and UsageError where options select
    nothing.
    """
    try:
        plan = make_plan(request)
    except SpecError as error:
        warnings = (*error.warnings, *advise(written_nodes(request), request, finds))
        raise SpecError(error.problems, warnings) from error
    jobs = [node for node in plan.nodes.values() if node.job is not None]
    demands = _Demands(Ledger(pools))
    for node in jobs:
        demands.add(node)
    problems = [*demands.problems(), *_too_long(jobs, request)]
    if not is_rerun:
        problems += _without_producers(jobs)
    warnings = (*plan.warnings, *demands.warnings(), *advise(jobs, request, finds), *_too_much(jobs, request))
    if problems:
        raise SpecError(problems, warnings)
    return Runnable(plan, tuple(sorted(set(warnings))), demands.notes())


def advise(nodes: Iterable[PlanNode], request: plan_pb2.PlanRequest, finds: Finds) -> Iterator[Problem]:
    """Yields a warning for each command that looks like one for a shell."""
    for node in nodes:
        if node.job is None or not _SHELL.search(node.job.command):
            continue
        written = known_text(node.job.command, node, request)
        if not _SHELL.search(written):
            continue
        environment = job_environment(request.environment, node.settings.env)
        command = _expanded(written, environment)
        cwd = node.settings.cwd
        folder = cwd if cwd.startswith("/") else f"{request.launch_dir}/{cwd}"
        if command and not finds(command, environment.get("PATH", ""), folder):
            shown = node.job.command.strip().partition("\n")[0]
            yield problem_at(node.position, f"there is no program '{shown}': {ONE_PROGRAM}")


def unset_variables(plan: Plan) -> Iterator[Problem]:
    """Yields a warning for each variable that a command uses and the launch does not set."""
    for node in plan.nodes.values():
        if node.job is None or "$" not in "\0".join((node.job.command, *node.job.args)):
            continue
        for name in unset_names(node.job, job_environment(plan.request.environment, node.settings.env)):
            message = f"${name} is not set, so it expands to nothing in '{node.ident}'"
            yield problem_at(node.position, message)


class _Demands:
    """The jobs of a plan grouped by their demand, with the verdict of the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._nodes: dict[DemandKey, list[PlanNode]] = {}

    def add(self, node: PlanNode) -> None:
        """Adds a job."""
        demands = dict.fromkeys(DemandKey.of(each.demand) for each in node.resolved_variants())
        for demand in demands:
            self._nodes.setdefault(demand, []).append(node)

    def problems(self) -> Iterator[Problem]:
        """Yields demands that can never be met, at the first jobs that have them."""
        for demand, nodes in self._nodes.items():
            for text in self._ledger.problems([demand]).errors:
                yield from _at(nodes, text, MAX_PLACES)

    def warnings(self) -> Iterator[Problem]:
        """Yields demands that force jobs to run alone, each at the first job that has it."""
        for demand, nodes in self._nodes.items():
            for text in self._ledger.problems([demand]).warnings:
                yield from _at(nodes, text, 1)

    def notes(self) -> tuple[str, ...]:
        """Returns the remaining notes."""
        return self._ledger.problems(self._nodes).notes


def _at(nodes: Sequence[PlanNode], text: str, maximum: int) -> Iterator[Problem]:
    more = len(nodes) - maximum
    for at, node in enumerate(nodes[:maximum], 1):
        last = more > 0 and at == maximum
        yield problem_at(
            node.position, f"{text} (and the same for {plural(more, 'more job')})" if last else text
        )


def _without_producers(jobs: Iterable[PlanNode]) -> Iterator[Problem]:
    """Yields a problem for each artefact that a job needs of a job that is not selected."""
    for node in jobs:
        for each in node.inputs:
            if not each.edge.unselected or each.optional:
                continue
            name = f"{label_of(each.consumption.job.name)}.{each.consumption.name}"
            producer = each.edge.awaited
            above: PlanNode | None = producer
            while above is not None and not above.is_left_out:
                above = above.parent
            if above is not None:
                why = f"`when` of '{above.ident}' is false"
            else:
                again = "select it too, or repeat a run that made it with --repeat RUN"
                why = f"--skip excludes '{producer.template}': {again}"
            yield problem_at(node.position, f"'{node.ident}' uses {name}, but {why}")


def _too_long(jobs: Iterable[PlanNode], request: plan_pb2.PlanRequest) -> Iterator[Problem]:
    """Yields a problem for each argument whose expansion exceeds the kernel's limit."""
    longest = max((len(value) for value in request.environment.values()), default=0)
    for node in jobs:
        assert node.job is not None
        longest_here = max((longest, *(len(variable.value) for variable in node.settings.env)))
        for text in (node.job.command, *node.job.args):
            # A character has up to four bytes. Nearly all strings are far shorter, and need no expansion.
            if (len(text) + text.count("$") * longest_here) * 4 <= MAX_STRING_BYTES:
                continue
            environment = job_environment(request.environment, node.settings.env)
            size = byte_length(_expanded(text, environment))
            if size > MAX_STRING_BYTES:
                yield problem_at(node.position, too_long(f"an argument of '{node.ident}'", size))


def _too_much(jobs: Iterable[PlanNode], request: plan_pb2.PlanRequest) -> Iterator[Problem]:
    """Yields a warning for each job whose arguments and variables together need a larger stack limit."""
    around = sum(len(name) + len(value) + 100 for name, value in request.environment.items())
    for node in jobs:
        assert node.job is not None
        own = sum(len(variable.value) + 100 for variable in node.settings.env)
        rough = around + own + sum(map(len, node.job.args)) + 100 * len(node.job.args)
        # A character has up to four bytes. Nearly all jobs have far less.
        if rough * 4 <= USUAL_TOTAL_BYTES:
            continue
        environment = job_environment(request.environment, node.settings.env)
        texts = [_expanded(text, environment) for text in (node.job.command, *node.job.args)]
        size = total_length((*texts, *(f"{name}={value}" for name, value in environment.items())))
        if size > USUAL_TOTAL_BYTES:
            yield problem_at(
                node.position,
                f"arguments and variables of '{node.ident}' have {size:,} bytes together, and the kernel "
                f"takes {USUAL_TOTAL_BYTES:,} where ulimit -s is 8 MiB as usual: put arguments into a file",
            )


def _expanded(text: str, environment: dict[str, str]) -> str:
    try:
        return expand(text, environment)
    except UserError:
        # A required variable is not set; the job reports this when it starts.
        return ""
