"""The options of `run`, `plan` and `check` that determine the plan of a spec."""

from collections.abc import Iterator
from typing import Annotated, Final

import typer
from msgspec import Struct

from gator.path_patterns import FAILED, PASSED

WHAT_PANEL: Final = "What to run"
POOLS_PANEL: Final = "Resources"
LIMITS_PANEL: Final = "Limits"
ON_ROOT: Final = (
    "limit_warning",
    "limit_error",
    "limit_critical",
    "timeout",
    "deadline",
    "max_fail",
    "max_fail_per_cause",
)
"""Fields of the options that replace values of the root of a spec."""


def _complete_only(incomplete: str) -> list[tuple[str, str]]:
    return [(FAILED, "what failed in the last run")] if FAILED.startswith(incomplete) else []


def _complete_skip(incomplete: str) -> list[tuple[str, str]]:
    return [(PASSED, "what passed in the last run")] if PASSED.startswith(incomplete) else []


def _complete_scheduler(incomplete: str) -> list[str]:
    from gator.scheduler.registry import names

    return [name for name in names() if name.startswith(incomplete.lower())]


def _complete_parser(incomplete: str) -> list[str]:
    from gator.cli import installed_parsers
    from gator.spec.keys import PARSERS

    return [name for name in (*PARSERS, *installed_parsers.names()) if name.startswith(incomplete)]


class PlanOptions(Struct, frozen=True):
    """Options as the user wrote them; None for one that was not given."""

    only: Annotated[
        list[str],
        typer.Option(
            "--only",
            metavar="PATH",
            help="Run only matching nodes and their dependencies; @failed selects what failed in the last "
            "run; may be repeated, like --skip, --tag, --seed and --license.",
            rich_help_panel=WHAT_PANEL,
            autocompletion=_complete_only,
        ),
    ] = []
    skip: Annotated[
        list[str],
        typer.Option(
            "--skip",
            metavar="PATH",
            help="Skip matching nodes; @passed selects what passed in the last run.",
            rich_help_panel=WHAT_PANEL,
            autocompletion=_complete_skip,
        ),
    ] = []
    tags: Annotated[
        list[str],
        typer.Option(
            "--tag",
            metavar="TAG",
            help="Run only nodes with this tag and their dependencies.",
            rich_help_panel=WHAT_PANEL,
        ),
    ] = []
    seeds: Annotated[
        list[str],
        typer.Option(
            "--seed",
            metavar="N|random|PATH=N",
            help="Set the seed of the run, or of one node; default: the seed of the repeated run, else of "
            "the spec, else random.",
            rich_help_panel=WHAT_PANEL,
        ),
    ] = []
    params: Annotated[
        list[str],
        typer.Option(
            "--param",
            metavar="[PATH:]NAME=VALUE",
            help="Set a parameter of the spec, or of one node; the items of a list are separated by commas; "
            "may be repeated.",
            rich_help_panel=WHAT_PANEL,
        ),
    ] = []
    help_params: Annotated[
        bool,
        typer.Option(
            "--help-params",
            help="Print the parameters of the spec with type, default and help; start nothing.",
            rich_help_panel=WHAT_PANEL,
        ),
    ] = False
    scale: Annotated[
        str | None,
        typer.Option(
            "--scale",
            metavar="FACTOR",
            help="Multiply all numbers of repeats by this factor, such as 0.1; each stays at least 1.",
            rich_help_panel=WHAT_PANEL,
        ),
    ] = None
    ident: Annotated[
        str | None,
        typer.Option("--id", metavar="NAME", help="Use this ident for the root.", rich_help_panel=WHAT_PANEL),
    ] = None
    jobs: Annotated[
        int | None,
        typer.Option(
            "-j",
            "--jobs",
            min=1,
            metavar="N",
            help="Limit the cores of all jobs together; default: all that this process may use.",
            rich_help_panel=POOLS_PANEL,
        ),
    ] = None
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="SIZE",
            help="Limit the memory of all jobs together, such as 16GB; default: the memory of the host.",
            rich_help_panel=POOLS_PANEL,
        ),
    ] = None
    licenses: Annotated[
        list[str],
        typer.Option(
            "--license",
            metavar="NAME=N",
            help="Provide N licenses of this name.",
            rich_help_panel=POOLS_PANEL,
        ),
    ] = []
    scheduler: Annotated[
        str,
        typer.Option(
            "--scheduler",
            metavar="NAME",
            help="Choose the scheduler that starts daemons; default: local, which is this host.",
            rich_help_panel=POOLS_PANEL,
            show_default=False,
            autocompletion=_complete_scheduler,
        ),
    ] = "local"
    scheduler_arguments: Annotated[
        list[str],
        typer.Option(
            "--sched-arg",
            metavar="KEY=VALUE",
            help="Pass an argument to the scheduler; local accepts concurrency=N, the same as -j N.",
            rich_help_panel=POOLS_PANEL,
        ),
    ] = []
    limit_warning: Annotated[
        str | None,
        typer.Option(
            "--limit-warning",
            metavar="N|none",
            help="Fail a job with more than N warnings; default: none.",
            rich_help_panel=LIMITS_PANEL,
        ),
    ] = None
    limit_error: Annotated[
        str | None,
        typer.Option(
            "--limit-error",
            metavar="N|none",
            help="Fail a job with more than N errors; default: 0.",
            rich_help_panel=LIMITS_PANEL,
        ),
    ] = None
    limit_critical: Annotated[
        str | None,
        typer.Option(
            "--limit-critical",
            metavar="N|none",
            help="Fail a job with more than N critical messages; default: 0.",
            rich_help_panel=LIMITS_PANEL,
        ),
    ] = None
    parsers: Annotated[
        list[str] | None,
        typer.Option(
            "--parser",
            metavar="NAME|FILE",
            help="Let the messages of this parser count, such as uvm or ours.yaml; auto is all built-in "
            "ones; may be repeated.",
            rich_help_panel=LIMITS_PANEL,
            autocompletion=_complete_parser,
        ),
    ] = None
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout",
            metavar="TIME|none",
            help="Limit the time of each job that has no timeout below the root, such as 90s or 1h30m.",
            rich_help_panel=LIMITS_PANEL,
        ),
    ] = None
    deadline: Annotated[
        str | None,
        typer.Option(
            "--deadline",
            metavar="TIME|none",
            help="Limit the time of the whole run.",
            rich_help_panel=LIMITS_PANEL,
        ),
    ] = None
    max_fail: Annotated[
        str | None,
        typer.Option(
            "--max-fail",
            metavar="N|none",
            help="Start nothing new after N failed jobs.",
            rich_help_panel=LIMITS_PANEL,
        ),
    ] = None
    max_fail_per_cause: Annotated[
        str | None,
        typer.Option(
            "--max-fail-per-cause",
            metavar="N|none",
            help="Start nothing new after N failed jobs with the same cause.",
            rich_help_panel=LIMITS_PANEL,
        ),
    ] = None

    def replacing_on_root(self) -> Iterator[tuple[str, str]]:
        """Yields the names and values of the given options that replace values of the root."""
        yield from (("--seed", text) for text in self.seeds if "=" not in text)
        yield from (("--param", text) for text in self.params if ":" not in text.partition("=")[0])
        for name in ON_ROOT:
            value = getattr(self, name)
            if value is not None:
                yield f"--{name.replace('_', '-')}", value
        if self.parsers:
            yield "--parser", ", ".join(self.parsers)
