"""The options that decide what runs and whether it can, as `run`, `plan` and `check` share them."""

from typing import Annotated, Final, TypeAlias

import typer

from gator.cli.last_globs import complete_only, complete_repeat, complete_skip

WHAT: Final = "What runs"
POOLS: Final = "How much at once"
LIMITS: Final = "When it fails"

OnlyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="PATH",
        help="Run only what matches, and what that waits for; @failed: what failed in the last run. "
        "May be repeated, as --skip, --tag, --seed and --license.",
        rich_help_panel=WHAT,
        autocompletion=complete_only,
    ),
]
SkipOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="PATH",
        help="Leave out what matches; @passed: what passed in the last run.",
        rich_help_panel=WHAT,
        autocompletion=complete_skip,
    ),
]
TagOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="TAG", help="Run what has this tag, and what that waits for.", rich_help_panel=WHAT
    ),
]
RepeatOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--repeat",
        metavar="RUN",
        help="Repeat a part of this run: what comes of it is laid over what came of RUN.",
        rich_help_panel=WHAT,
        autocompletion=complete_repeat,
    ),
]
SeedOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--seed",
        metavar="N|random|PATH=N",
        help="Seed of the run, or of one node; default: that of the run that is repeated, else that in the "
        "spec, else random.",
        rich_help_panel=WHAT,
    ),
]
IdentOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="NAME", help="Name of the root, instead of its ident.", rich_help_panel=WHAT
    ),
]
JobsOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "-j",
        "--jobs",
        min=1,
        metavar="N",
        help="Cores that all jobs may hold together; default: all that this process may use.",
        rich_help_panel=POOLS,
    ),
]
MemoryOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="Memory that all jobs may hold together, such as 16GB; default: that of the host.",
        rich_help_panel=POOLS,
    ),
]
LicenseOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--license", metavar="NAME=N", help="How many of a licence there are.", rich_help_panel=POOLS
    ),
]
SchedulerOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--scheduler", metavar="NAME", help="Where jobs run: local is this host.", rich_help_panel=POOLS
    ),
]
SchedArgOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--sched-arg",
        metavar="KEY=VALUE",
        help="Argument of the scheduler; local knows concurrency=N, the same as -j N.",
        rich_help_panel=POOLS,
    ),
]
LimitWarningOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--limit-warning",
        metavar="N|none",
        help="A job with more warnings fails; default: any number.",
        rich_help_panel=LIMITS,
    ),
]
LimitErrorOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--limit-error",
        metavar="N|none",
        help="A job with more errors fails; default: 0.",
        rich_help_panel=LIMITS,
    ),
]
LimitCriticalOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--limit-critical",
        metavar="N|none",
        help="A job with more critical messages fails; default: 0.",
        rich_help_panel=LIMITS,
    ),
]
TimeoutOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="TIME|none",
        help="Longest time of a job for which no node below the root says one, such as 90s or 1h30m.",
        rich_help_panel=LIMITS,
    ),
]
DeadlineOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--deadline", metavar="TIME|none", help="Longest time of the whole run.", rich_help_panel=LIMITS
    ),
]
MaxFailOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--max-fail", metavar="N|none", help="After N failed jobs start nothing new.", rich_help_panel=LIMITS
    ),
]
