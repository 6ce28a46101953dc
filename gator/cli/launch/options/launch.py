"""The options of `gator run`."""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from gator.cli.launch.options.plan import WHAT_PANEL, PlanOptions
from gator.cli.options.values import NO_LIMIT, bytes_of, millis_of, positive_or_default
from gator.daemon.modes import LOG_CAP_BYTES, SAMPLE_INTERVAL_MILLIS, Placement, TextLogMode
from gator.errors import UsageError

RECORD_PANEL: Final = "Record"
PLACEMENT_PANEL: Final = "Where to run"
OUTPUT_PANEL: Final = "Output"
HUB_PANEL: Final = "Hub"
UNCAPPED_BYTES: Final = 1 << 62
"""Value of `--log-cap none`: more than any job can write."""
_MAX_PORT: Final = 65_535


class HubLogs(Enum):
    """Values of --hub-logs."""

    ALL = "all"
    WARNINGS = "warnings"
    NONE = "none"


def _complete_repeat(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    # Imported late: only shell completion needs it.
    from gator.cli.sources.options import complete_run

    return complete_run(ctx, incomplete)


class LaunchOptions(PlanOptions, frozen=True):
    """Options of `gator run` as the user wrote them; an option that was not given has its default."""

    repeat: Annotated[
        str,
        typer.Option(
            "--repeat",
            metavar="RUN",
            help="Repeat a part of RUN; the new outcomes are overlaid on those of RUN.",
            rich_help_panel=WHAT_PANEL,
            autocompletion=_complete_repeat,
        ),
    ] = ""
    baseline: Annotated[
        str,
        typer.Option(
            "--baseline",
            metavar="RUN",
            help="Compare contracts with RUN; default: the last run of the series that passed.",
            rich_help_panel=WHAT_PANEL,
            autocompletion=_complete_repeat,
        ),
    ] = ""
    require_baseline: Annotated[
        bool,
        typer.Option(
            "--require-baseline",
            help="Fail jobs and groups whose contracts cannot be compared with a baseline.",
            rich_help_panel=WHAT_PANEL,
        ),
    ] = False
    history_wait: Annotated[
        str | None,
        typer.Option(
            "--history-wait",
            metavar="TIME",
            help="Wait at most this long for earlier runs before the start; default: 2s.",
            rich_help_panel=WHAT_PANEL,
        ),
    ] = None
    directory: Annotated[
        Path | None,
        typer.Option(
            "-C",
            "--directory",
            metavar="DIR",
            help="Change to DIR before doing anything else.",
            rich_help_panel=WHAT_PANEL,
        ),
    ] = None
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would run; start nothing.", rich_help_panel=WHAT_PANEL),
    ] = False
    tracking: Annotated[
        Path | None,
        typer.Option(
            "--tracking",
            metavar="DIR",
            help="Record the run in exactly this folder, not in a new one below it; default: a new folder "
            "in ./tracking.",
            rich_help_panel=RECORD_PANEL,
        ),
    ] = None
    text_logs: Annotated[
        TextLogMode,
        typer.Option(
            "--text-logs",
            case_sensitive=False,
            help="Choose the jobs whose output is also written as text files, in logs/ of the run's folder.",
            rich_help_panel=RECORD_PANEL,
        ),
    ] = TextLogMode.FAILED
    log_cap: Annotated[
        str | None,
        typer.Option(
            "--log-cap",
            metavar="SIZE|none",
            help=f"Store at most this much output of a job; default: {LOG_CAP_BYTES >> 30}GiB.",
            rich_help_panel=RECORD_PANEL,
        ),
    ] = None
    interval: Annotated[
        str | None,
        typer.Option(
            "--interval",
            metavar="TIME",
            help="Set the maximum time between two samples of a job's usage; "
            f"default: {SAMPLE_INTERVAL_MILLIS // 1000}s.",
            rich_help_panel=RECORD_PANEL,
        ),
    ] = None
    parent: Annotated[
        str | None,
        typer.Option(
            "--parent",
            metavar="ADDRESS",
            help='Report the outcome to the enclosing job, usually "$GATOR_PARENT".',
            rich_help_panel=RECORD_PANEL,
        ),
    ] = None
    placement: Annotated[
        Placement,
        typer.Option(
            "--placement",
            case_sensitive=False,
            help="Choose the processes that run the jobs: this one (inline), a few (daemons), or one more "
            "for each group (tiers); auto: inline for a single job, else daemons.",
            rich_help_panel=PLACEMENT_PANEL,
        ),
    ] = Placement.AUTO
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Print only warnings and the summary.", rich_help_panel=OUTPUT_PANEL
        ),
    ] = False
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Print the starts and ends of jobs too.", rich_help_panel=OUTPUT_PANEL
        ),
    ] = False
    all_messages: Annotated[
        bool, typer.Option("--all-msg", help="Print the messages of all jobs.", rich_help_panel=OUTPUT_PANEL)
    ] = False
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress",
            help="Show a live display; default: if stdout is a terminal.",
            rich_help_panel=OUTPUT_PANEL,
        ),
    ] = None
    plugins: Annotated[
        list[str],
        typer.Option(
            "--plugin",
            metavar="MODULE",
            help="Load this Python module as a plug-in; may be repeated.",
            rich_help_panel=OUTPUT_PANEL,
        ),
    ] = []  # noqa: RUF012 - msgspec copies it
    hub: Annotated[
        str | None,
        typer.Option(
            "--hub",
            metavar="HOST:PORT",
            help="Send the run to this hub, or 'none'; default: $GATOR_HUB.",
            rich_help_panel=HUB_PANEL,
        ),
    ] = None
    labels: Annotated[
        list[str],
        typer.Option(
            "--label", metavar="NAME=VALUE", help="Add a label; may be repeated.", rich_help_panel=HUB_PANEL
        ),
    ] = []  # noqa: RUF012 - msgspec copies it
    hub_logs: Annotated[
        HubLogs,
        typer.Option(
            "--hub-logs",
            case_sensitive=False,
            help="Choose the output that the hub keeps.",
            rich_help_panel=HUB_PANEL,
        ),
    ] = HubLogs.ALL
    hub_wait: Annotated[
        str | None,
        typer.Option(
            "--hub-wait",
            metavar="TIME",
            help="Wait at most this long for the hub when the run ends; default: 3s.",
            rich_help_panel=HUB_PANEL,
        ),
    ] = None
    hub_artefacts: Annotated[
        str | None,
        typer.Option(
            "--hub-artefacts",
            metavar="SIZE",
            help="Send the content of artefacts up to this size, or 'none'; default: 1MB.",
            rich_help_panel=HUB_PANEL,
        ),
    ] = None
    hub_ca: Annotated[
        Path | None,
        typer.Option(
            "--hub-ca",
            metavar="FILE",
            help="Trust these certificates, in PEM; default: $GATOR_HUB_CA, else no TLS.",
            rich_help_panel=HUB_PANEL,
        ),
    ] = None

    def check(self) -> None:
        """Raises UsageError for an invalid value that is not used before the run starts."""
        self.sample_interval_millis()
        self.log_cap_bytes()
        millis_of(self.history_wait, "--history-wait")
        if self.parent is not None and not _is_address(self.parent):
            raise UsageError(
                f"--parent {self.parent}: must be the address in $GATOR_PARENT, which is set within a job"
            )

    def sample_interval_millis(self) -> int:
        """Returns the maximum time between two samples in milliseconds. Raises UsageError."""
        return positive_or_default(
            millis_of(self.interval, "--interval"), "--interval", SAMPLE_INTERVAL_MILLIS
        )

    def log_cap_bytes(self) -> int:
        """Returns the maximum number of bytes that are stored of a job's output. Raises UsageError."""
        if self.log_cap is not None and self.log_cap.lower() in NO_LIMIT:
            return UNCAPPED_BYTES
        return positive_or_default(bytes_of(self.log_cap, "--log-cap"), "--log-cap", LOG_CAP_BYTES)

    def shows_progress(self) -> bool:
        """Returns whether a live display is wanted."""
        return sys.stdout.isatty() if self.progress is None else self.progress


def _is_address(text: str) -> bool:
    """Returns whether a string has the form `unix:PATH` or `HOST:PORT`."""
    if text.startswith("unix:"):
        return text != "unix:"
    host, _, port = text.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) <= _MAX_PORT
