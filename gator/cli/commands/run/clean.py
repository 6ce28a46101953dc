"""`gator clean`: removes the folders of old runs.

Invariant: a live run is never touched, and a folder is named as removed only once it is gone.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.options.values import millis_of
from gator.cli.runs.api import close_dead
from gator.cli.runs.find import LATEST, FoundRun, found_runs, is_run, stamp_of
from gator.cli.sources.options import JsonOption, TrackingOption
from gator.cli.tracking import tracking_root
from gator.errors import UsageError, reason_of
from gator.units import size_text


def clean(
    tracking: TrackingOption = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=0, metavar="N", help="Keep the newest N runs.")
    ] = None,
    older: Annotated[
        str | None,
        typer.Option(
            "--older", metavar="TIME", help="Remove only runs that started longer ago, such as 14d."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed; remove nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Remove the folders of old runs, never of live ones.

    Needs --keep, --older or both; with both, only runs that neither of them keeps are removed.
    """
    if keep is None and older is None:
        raise UsageError(
            "no runs are selected: use --keep N to keep the newest, or --older 14d to remove only old ones"
        )
    root = tracking_root(tracking)
    if is_run(root):
        raise UsageError(f"{root} is the folder of one run: remove it by hand")
    age = millis_of(older, "--older")
    cutoff = None if age is None else stamp_of(time.time() - age / 1000)
    total = 0
    for run in list(found_runs(root))[keep or 0 :]:
        if cutoff is not None and run.started() > cutoff:
            continue
        live = run.folder.is_live()
        freed = 0 if live else _size(run.folder.path)
        if not live and not dry_run:
            # Processes of a run that died must not continue in a folder that is gone.
            close_dead(run)
            _remove(run)
        total += freed
        if json:
            print_json({"folder": str(run.folder.path), "bytes": freed, "removed": not (live or dry_run)})
        elif live:
            output.echo(f"kept {run.folder.path}: it is live")
        else:
            word = "would remove" if dry_run else "removed"
            output.echo(f"{word} {run.folder.path} ({size_text(freed)})")
    link = root / LATEST
    if link.is_symlink() and not link.exists():
        link.unlink()
    if not json:
        output.echo(f"{size_text(total)} in total")


def _size(folder: Path) -> int:
    """Returns the size of a folder in bytes. A file with several hard links counts once."""
    stats = [path.lstat() for path in folder.rglob("*") if not path.is_dir()]
    return sum({(each.st_dev, each.st_ino): each.st_size for each in stats}.values())


def _remove(run: FoundRun) -> None:
    try:
        # Imported late: few commands remove anything.
        from gator.daemon.artefacts.objects import remove_tree

        remove_tree(run.folder.path)
    except OSError as error:
        raise UsageError(
            f"cannot remove {error.filename}: {reason_of(error)}: check its permissions"
        ) from error
