"""`gator close`: closes a run that died.

Invariant: a live run is never touched.
"""

from typing import Annotated

import typer

from gator.cli import error_report, output
from gator.cli.json_output import print_json
from gator.cli.runs.find import select
from gator.cli.runs.hub_choice import PREFIX
from gator.cli.sources.options import JsonOption, TrackingOption, complete_folder
from gator.cli.tracking import tracking_root
from gator.errors import UsageError


def close(
    run: Annotated[
        str | None,
        typer.Option(
            "-r",
            "--run",
            metavar="RUN",
            help="Choose the run: latest, -1, -2, …, the beginning of an id, an ident or a folder; "
            "default: the run started last.",
            autocompletion=complete_folder,
        ),
    ] = None,
    tracking: TrackingOption = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Close a run even if it ran on another host, which is gone for good."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Close a run that died: kill its processes, write the missing Results.

    Commands that read a run close it automatically if it is yours and ran on this host.
    """
    from gator.daemon.recovery import close_by_request

    if (run or "").startswith(PREFIX):
        raise UsageError(
            f"-r {run}: a run on a hub cannot be closed: close its folder, on the host where it ran"
        )
    found_run = select(run, tracking_root(tracking))
    error_report.set_fault_log(found_run.folder.fault_log)
    closed = close_by_request(found_run.folder, force=force)
    if json:
        print_json({"folder": str(found_run.folder.path), "closed": closed})
    elif closed:
        output.echo(f"closed {found_run.folder.path}: what had not ended is lost")
    else:
        output.echo(f"nothing to close in {found_run.folder.path}")
