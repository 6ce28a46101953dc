"""The options shared by `run`, `plan` and `check`: the selection, the resources and the limits."""

from typing import Annotated, Final, TypeAlias

import typer

from gator.cli.launch.last_globs import complete_only, complete_repeat, complete_skip


def complete_scheduler(incomplete: str) -> list[str]:
    """Returns the schedulers whose names begin with a text."""
    from gator.scheduler.registry import names

    return [name for name in names() if name.startswith(incomplete.lower())]


WHAT: Final = "What to run"
POOLS: Final = "Resources"
LIMITS: Final = "Limits"

OnlyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="PATH",
        help="Run only matching nodes and their dependencies; @failed selects what failed in the last run; "
        "may be repeated, like --skip, --tag, --seed and --license.",
        rich_help_panel=WHAT,
        autocompletion=complete_only,
    ),
]
SkipOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="PATH",
        help="Skip matching nodes; @passed selects what passed in the last run.",
        rich_help_panel=WHAT,
        autocompletion=complete_skip,
    ),
]
TagOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="TAG",
        help="Run only nodes with this tag and their dependencies.",
        rich_help_panel=WHAT,
    ),
]
RepeatOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--repeat",
        metavar="RUN",
        help="Repeat a part of RUN; the new outcomes are overlaid on those of RUN.",
        rich_help_panel=WHAT,
        autocompletion=complete_repeat,
    ),
]
SeedOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--seed",
        metavar="N|random|PATH=N",
        help="Set the seed of the run, or of one node; default: the seed of the repeated run, else of the "
        "spec, else random.",
        rich_help_panel=WHAT,
    ),
]
IdentOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--id", metavar="NAME", help="Use this ident for the root.", rich_help_panel=WHAT),
]
JobsOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "-j",
        "--jobs",
        min=1,
        metavar="N",
        help="Limit the cores of all jobs together; default: all that this process may use.",
        rich_help_panel=POOLS,
    ),
]
MemoryOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="Limit the memory of all jobs together, such as 16GB; default: the memory of the host.",
        rich_help_panel=POOLS,
    ),
]
LicenseOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--license", metavar="NAME=N", help="Provide N licences of this name.", rich_help_panel=POOLS
    ),
]
SchedulerOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--scheduler",
        metavar="NAME",
        help="Choose the scheduler that starts daemons; default: local, which is this host.",
        rich_help_panel=POOLS,
        autocompletion=complete_scheduler,
    ),
]
SchedArgOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--sched-arg",
        metavar="KEY=VALUE",
        help="Pass an argument to the scheduler; local accepts concurrency=N, the same as -j N.",
        rich_help_panel=POOLS,
    ),
]
LimitWarningOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--limit-warning",
        metavar="N|none",
        help="Fail a job with more than N warnings; default: none.",
        rich_help_panel=LIMITS,
    ),
]
LimitErrorOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--limit-error",
        metavar="N|none",
        help="Fail a job with more than N errors; default: 0.",
        rich_help_panel=LIMITS,
    ),
]
LimitCriticalOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--limit-critical",
        metavar="N|none",
        help="Fail a job with more than N critical messages; default: 0.",
        rich_help_panel=LIMITS,
    ),
]
TimeoutOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="TIME|none",
        help="Limit the time of each job that has no timeout below the root, such as 90s or 1h30m.",
        rich_help_panel=LIMITS,
    ),
]
DeadlineOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--deadline", metavar="TIME|none", help="Limit the time of the whole run.", rich_help_panel=LIMITS
    ),
]
MaxFailOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--max-fail", metavar="N|none", help="Start nothing new after N failed jobs.", rich_help_panel=LIMITS
    ),
]
