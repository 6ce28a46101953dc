"""`gator clean`: remove the folders of old runs. Rule: a live run is never touched, and all is said."""

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.runs.api import close_dead
from gator.cli.runs.find import LATEST, FoundRun, found_runs, is_run, tracking_root
from gator.cli.sources.options import JsonOption, TrackingOption
from gator.errors import UsageError


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
        raise UsageError("say which runs to remove: --keep N keeps the newest, --older 14d spares newer ones")
    root = tracking_root(tracking)
    if is_run(root):
        raise UsageError(f"{root} is the folder of one run: remove it by hand")
    newest = time.strftime("%Y%m%d-%H%M%S", time.localtime(time.time() - _seconds(older))) if older else "~"
    total = 0
    for run in list(found_runs(root))[keep or 0 :]:
        if _stamp(run) > newest:
            continue
        live = run.folder.is_live()
        freed = 0 if live else _size(run.folder.path)
        total += freed
        if json:
            output.say_json(
                {"folder": str(run.folder.path), "bytes": freed, "removed": not (live or dry_run)}
            )
        elif live:
            output.say(f"kept {run.folder.path}: it is live")
        else:
            word = "would remove" if dry_run else "removed"
            output.say(f"{word} {run.folder.path} ({output.size(freed)})")
        if not live and not dry_run:
            # What is left of a run that died must not go on in a folder that is gone.
            close_dead(run)
            _remove(run)
    link = root / LATEST
    if link.is_symlink() and not link.exists():
        link.unlink()
    if not json:
        output.say(f"{output.size(total)} in all")


def _seconds(text: str) -> float:
    from gator.units import parse_duration

    try:
        return parse_duration(text) / 1000
    except ValueError as error:
        raise UsageError(f"--older: {error}") from error


def _stamp(run: FoundRun) -> str:
    if run.stamp:
        return run.stamp
    begun = (run.folder.path / "run.lock").stat().st_mtime
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(begun))


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _remove(run: FoundRun) -> None:
    try:
        shutil.rmtree(run.folder.path)
    except OSError as error:
        raise UsageError(f"cannot remove {error.filename}: {error.strerror}") from error
