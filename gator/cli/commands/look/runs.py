"""`gator runs`: lists the runs in the tracking folder, or of a hub.

Invariant: a run that cannot be read is listed too, with the reason.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.history.folders import FolderHistory
from gator.cli.history.overlaid import add_passed_in
from gator.cli.json_output import print_json, to_values
from gator.cli.options.enums import enum_option
from gator.cli.options.labels import label_of
from gator.cli.options.number import MAX_ROWS, limit_of, number_option, print_omitted
from gator.cli.options.values import millis_of
from gator.cli.runs.api import UnreadableRun, read_run
from gator.cli.runs.filter import Filter
from gator.cli.runs.find import FoundRun, found_runs
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption, name_on_hub
from gator.cli.runs.run_text import outcome_of, passed_in, run_duration, selection_text
from gator.cli.sources.options import JsonOption, TrackingOption
from gator.cli.tracking import tracking_root
from gator.console import describe
from gator.errors import UsageError
from gator.v1 import common_pb2, query_pb2


def runs(
    run: Annotated[
        str | None,
        typer.Option(
            "-r",
            "--run",
            metavar="hub:",
            help="List the runs of the hub; hub:NAME: only those with this ident or beginning of an id.",
        ),
    ] = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="List only runs of this user.")] = "",
    ident: Annotated[
        str, typer.Option("--ident", metavar="IDENT", help="List only runs with this ident of the root.")
    ] = "",
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            "--outcome", "-o", metavar="OUTCOME", help="List only runs with this outcome; may be repeated."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="NAME=VALUE", help="List only runs with this label; may be repeated."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="List only runs that started within the last TIME, such as 2d."
        ),
    ] = None,
    number: Annotated[int | None, number_option(MAX_ROWS, "runs")] = None,
    json: JsonOption = False,
) -> None:
    """List the runs, newest first.

    Each has its start, id, ident, outcome, counts, duration, commit, part of the spec and folder. With -r
    hub: or --hub the runs of all users of a hub are listed.
    """
    age = millis_of(since or None, "--since")
    run_filter = Filter(
        user=user,
        ident=ident,
        outcomes=[_outcome(text) for text in outcome or []],
        labels=dict(map(label_of, label or [])),
        since_unix_nanos=0 if age is None else time.time_ns() - age * 1_000_000,
    )
    limit = limit_of(number, MAX_ROWS, json=json)
    choice = HubChoice(hub, hub_ca)
    name = name_on_hub(run, choice)
    if name is not None:
        from gator.cli.runs.hub_list import list_hub

        list_hub(choice, name, run_filter, limit, json=json)
    elif run:
        raise UsageError(f"-r {run}: -r takes hub: or hub:NAME here; omit it to list local runs")
    else:
        _list_folders(tracking_root(tracking), run_filter, limit, json=json)


def _list_folders(root: Path, run_filter: Filter, limit: int | None, *, json: bool) -> None:
    folders = found_runs(root)
    history = FolderHistory(root, warn=lambda text: None)
    rows = list[tuple[str, ...]]()
    matching = _matching(folders, run_filter)
    for run, shown in islice(matching, limit):
        if not isinstance(shown, UnreadableRun):
            add_passed_in(history, shown)
        if json:
            values = {"fault": shown.reason} if isinstance(shown, UnreadableRun) else to_values(shown)
            print_json({**values, "folder": str(run.folder.path)})
        else:
            rows.append(_row(run, shown))
    if json:
        return
    output.echo_columns(rows, right=frozenset((5,)))
    if not rows:
        output.echo(f"no runs in {root}" if not folders else f"no matching runs in {root}")
    elif limit and next(matching, None) is not None:
        print_omitted("run", len(folders) - limit if run_filter == Filter() else None)


def _matching(
    folders: Sequence[FoundRun], run_filter: Filter
) -> Iterator[tuple[FoundRun, query_pb2.Run | UnreadableRun]]:
    for run in folders:
        shown = read_run(run)
        if run_filter == Filter() if isinstance(shown, UnreadableRun) else run_filter.matches(shown):
            yield run, shown


def _outcome(text: str) -> common_pb2.Outcome.ValueType:
    return enum_option(common_pb2.Outcome, text, "--outcome")


def _row(found_run: FoundRun, run: query_pb2.Run | UnreadableRun) -> tuple[str, ...]:
    name = found_run.folder.path.name
    if isinstance(run, UnreadableRun):
        return (name, found_run.id[:8], found_run.ident, "unreadable", run.reason, "", "", "", "")
    word = outcome_of(run, away="copy")
    return (
        describe.moment(run.started_unix_nanos),
        run.id[:8],
        run.ident,
        output.paint(word, "lost" if word == "died" else word),
        output.painted_tally(run.tally),
        run_duration(run),
        output.paint(describe.commit(run.git), "dim") if run.git.commit else "",
        output.paint(", ".join(filter(None, (selection_text(run), passed_in(run)))), "dim"),
        output.paint(str(found_run.folder.path), "dim"),
    )
