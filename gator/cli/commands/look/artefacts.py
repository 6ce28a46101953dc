"""`gator artefacts`: the files and folders that jobs made; `gator get`: a copy of one of them."""

import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.json_output import print_json, to_values
from gator.cli.options.number import MAX_LINES, limit_of, number_option, print_omitted
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.sources.artefacts import (
    MadeArtefact,
    artefact_named,
    artefacts_of,
    copy_of,
    write_recorded,
)
from gator.cli.sources.open import OpenRun, open_run
from gator.cli.sources.options import JsonOption, PathArgument, RunOption, TrackingOption, complete_path
from gator.errors import NotFoundError, PreconditionError, UsageError, reason_of
from gator.units import plural, size_text


def artefacts(
    path: PathArgument = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    number: Annotated[int | None, number_option(MAX_LINES, "artefacts")] = None,
    json: JsonOption = False,
) -> None:
    """List the files and folders that jobs made.

    Includes PATH and all nodes below it. For each job, lists the artefacts of the last attempt that made any.
    """
    limit = limit_of(number, MAX_LINES, json=json)
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        listed = artefacts_of(opened, opened.path_of(path))
        if json:
            for made in listed[:limit]:
                print_json({"path": made.path, "attempt": made.attempt, **to_values(made.artefact)})
            return
        rows = [_row(made) for made in listed[:limit]]
        output.echo_columns(rows, right=frozenset((2,)))
        if limit and len(listed) > limit:
            print_omitted("artefact", len(listed) - limit)
        if not listed:
            output.echo("no artefacts")


def _row(made: MadeArtefact) -> tuple[str, ...]:
    artefact = made.artefact
    size = size_text(artefact.size_bytes) if artefact.sha256 else ""
    kind = plural(artefact.files, "file") if artefact.files else ""
    notes = [kind, "not kept" if artefact.discarded or not artefact.object else "", artefact.text]
    about = ", ".join(filter(None, notes))
    return output.paint(made.path, "path"), artefact.name, size, artefact.file, output.paint(about, "dim")


def get(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A job, given by its path or the end of its path.",
            autocompletion=complete_path,
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of one of its artefacts.")],
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write to this file, or to stdout for -; default: its own name in the current folder.",
        ),
    ] = None,
    attempt: Annotated[
        int | None,
        typer.Option("--attempt", min=1, metavar="N", help="Copy from attempt N; default: the last."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Copy an artefact of a job.

    Existing files are never overwritten. An artefact that was changed after it was made is an error.
    """
    with _with_artefact(path, name, attempt or 0, run, tracking, HubChoice(hub, hub_ca)) as (opened, made):
        place = copy_of(opened, made)
        if place is not None:
            _check_unchanged(made, place)
        if to == Path("-"):
            _write(opened, made, place)
            return
        target = to or Path((place.name if place is not None else "") or Path(made.artefact.file).name)
        if target.is_dir() and to is not None:
            target /= Path(made.artefact.file).name
        if target.exists() or target.is_symlink():
            raise UsageError(f"{target} already exists: use another name with -o")
        _copy(opened, made, place, target)
        if json:
            values = to_values(made.artefact)
            print_json({"path": made.path, "attempt": made.attempt, "output": str(target), **values})
        else:
            output.echo(f"{target} ({size_text(made.artefact.size_bytes)})")


@contextmanager
def _with_artefact(
    path: str, name: str, attempt: int, run: str | None, tracking: Path | None, hub: HubChoice
) -> Generator[tuple[OpenRun, MadeArtefact]]:
    """Yields an artefact and the run that made it.

    Without `run` it is the newest run, or one that this repeats, because a rerun has only some of the jobs.
    """
    with open_run(run, tracking, hub) as opened:
        repeated = opened.run.parent if run is None else ""
        try:
            made = artefact_named(opened, opened.path_of(path), name, attempt)
        except NotFoundError:
            if not repeated:
                raise
            made = None
        if made is not None:
            yield opened, made
            return
        with open_run(repeated, tracking, hub) as original:
            made = artefact_named(original, original.path_of(path), name, attempt)
            output.warn(
                f"gator: from run {repeated[:8]}: the newest run, {opened.run.id[:8]}, repeats a part of it"
            )
            yield original, made


def _write(opened: OpenRun, made: MadeArtefact, place: Path | None) -> None:
    if made.artefact.files:
        raise UsageError(f"{made.artefact.name} is a folder: use -o NAME")
    out = sys.stdout.buffer
    if place is not None:
        with place.open("rb") as file:
            shutil.copyfileobj(file, out)
    elif not write_recorded(opened, made, out):
        raise NotFoundError(_why_missing(opened, made))
    out.flush()


def _check_unchanged(made: MadeArtefact, place: Path) -> None:
    """Raises PreconditionError if a kept artefact does not have the content that was recorded."""
    from gator.daemon.artefacts.objects import ArtefactError, hash_of

    try:
        is_unchanged = hash_of(place) == made.artefact.sha256
    except (ArtefactError, OSError):
        is_unchanged = False
    if not is_unchanged:
        raise PreconditionError(
            f"the artefact {made.artefact.name} of {made.path} was changed after it was made, in {place}: "
            "run the job again"
        )


def _copy(opened: OpenRun, made: MadeArtefact, place: Path | None, target: Path) -> None:
    try:
        if place is not None:
            from gator.daemon.artefacts.objects import copy_object

            copy_object(place, target)
            return
        new = target.with_name(f".{target.name}.new")
        try:
            with new.open("wb") as file:
                is_whole = write_recorded(opened, made, file)
            if is_whole:
                new.rename(target)
                return
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {reason_of(error)}") from error
    raise NotFoundError(_why_missing(opened, made))


def _why_missing(opened: OpenRun, made: MadeArtefact) -> str:
    """Returns why there is no content."""
    artefact = made.artefact
    shown = f"the artefact {artefact.name} of {made.path}"
    if not artefact.sha256:
        return f"{shown} was only announced: look for {artefact.file} in the working directory of the job"
    if artefact.discarded:
        return f"{shown} was not kept after the run (`keep: false`)"
    return f"the content of {shown} is not {opened.source.location}: it stays where the run was"
