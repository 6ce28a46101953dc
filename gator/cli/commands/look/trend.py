"""`gator trend`: shows the outcomes of a run or a job in the last runs of a series."""

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from gator.cli import output
from gator.cli.failures.values import flaky_values
from gator.cli.history.cleared import overlay_reruns
from gator.cli.history.flaky import flaky_jobs
from gator.cli.history.folders import FolderHistory
from gator.cli.history.sightings import sighting
from gator.cli.json_output import print_json, to_values
from gator.cli.metrics.trend import print_metric
from gator.cli.options.number import MAX_ROWS, limit_of, number_option, print_omitted
from gator.cli.runs import hub_client
from gator.cli.runs.hub_choice import PREFIX, HubCaOption, HubChoice, HubOption
from gator.cli.runs.hub_names import names_hub
from gator.cli.sources.options import JsonOption, TrackingOption, impatient
from gator.cli.sources.present_rules import rules_here
from gator.cli.suggestions import MAX_COMPARED, similar_path
from gator.cli.tracking import tracking_root
from gator.console import describe
from gator.core.history.flaky import Flakiness
from gator.core.history.series import WHOLE, options_of, selection_of
from gator.core.launch.printed import command
from gator.core.outcomes import tally_size
from gator.errors import GatorError, NotFoundError, UsageError, UserError
from gator.node_paths import path_in
from gator.path_patterns import escape, unescape
from gator.ports import History
from gator.spec.idents import nfc
from gator.spec.suggestions import nearest
from gator.units import size_text, span
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs

_MARKS: Final = {
    common_pb2.OUTCOME_PASSED: ".",
    common_pb2.OUTCOME_FAILED: "F",
    common_pb2.OUTCOME_LOST: "L",
    common_pb2.OUTCOME_PRUNED: "p",
    common_pb2.OUTCOME_CANCELLED: "c",
}


def complete_ident(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns completions of an ident; none if the hub does not answer in time."""
    try:
        with hub_client.connect(impatient(ctx)) as hub:
            idents = {run.ident for run in hub.runs(hs.ListRunsRequest(), hub_client.MAX_COMPLETED)}
    except (GatorError, UserError):
        return []
    return sorted(ident for ident in idents if ident.startswith(incomplete))


def trend(
    name: Annotated[
        str,
        typer.Argument(
            metavar="IDENT[/PATH]",
            help="Ident of the root, and optionally the whole path of a node below it.",
            autocompletion=complete_ident,
        ),
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Choose the series of runs with this --only; may be repeated, like --skip and --tag.",
        ),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Choose the series of runs with this --skip.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Choose the series of runs with this --tag.")
    ] = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Show this metric in each run: its value, or count, p50 and p95 of several; "
            "may be repeated.",
        ),
    ] = None,
    number: Annotated[int | None, number_option(MAX_ROWS, "runs")] = None,
    json: JsonOption = False,
) -> None:
    """Show the outcomes of a run or a job in the last runs of its series.

    The series is the runs of the whole spec, or those with the same --only, --skip and --tag; reruns are
    overlaid on their runs. With --hub, hub:IDENT or GATOR_HUB the runs of a hub are shown, else those in the
    tracking folder.

    The marks are in the order of time: . passed, F failed, L lost, p pruned, c cancelled, - not ended.
    """
    ident, _, path = nfc(name).removeprefix(PREFIX).strip("/").partition("/")
    if not ident:
        raise UsageError("IDENT is empty: name one, such as gator trend nightly")
    ident, path = unescape(ident), unescape(path)
    node_path = path_in(ident, path)
    selection = selection_of(only or [], skip or [], tag or [])
    limit = limit_of(number, MAX_ROWS, json=json)
    on_hub = name.startswith(PREFIX) or hub is not None or names_hub(os.environ)
    with _history(HubChoice(hub, hub_ca) if on_hub else None, tracking) as earlier:
        try:
            history = earlier.node_history(ident, path, selection, limit + 1 if limit else sys.maxsize)
        except NotFoundError as error:
            raise NotFoundError(_explain_missing(earlier, name, ident, path, selection)) from error
        is_cut = limit is not None and len(history.entries) > limit
        if is_cut:
            del history.entries[limit:]
        cleared = overlay_reruns(earlier, node_path, history)
        flaky = _flaky(earlier, node_path, history)
    if json:
        values = to_values(history)
        for entry in values["entries"]:
            entry["passed_in_rerun"] = cleared.get(entry["run"]["run"])
        shown = {key: values[key] for key in ("entries", "first_bad", "last_good")}
        print_json({**shown, "flaky": flaky_values(flaky)})
        return
    _print_history(node_path, history, cleared, flaky)
    for wanted in metric or []:
        print_metric(history.entries, wanted)
    if is_cut:
        print_omitted("run")


def _explain_missing(
    history: History, name: str, ident: str, path: str, selection: query_pb2.Selection
) -> str:
    """Returns the error for an ident or path that no run of the series has."""
    newest = next(iter(history.runs(ident, selection, 1)), None)
    if newest is None and ident in history.idents():
        listed = command("runs", "--ident", ident, where=history.where)
        runs = f"no run of '{escape(ident)}' {history.location}"
        if selection == WHOLE:
            return f"{runs} was of the whole spec: add --only, --skip and --tag of a run, see {listed}"
        options = options_of(selection)
        return f"{runs} was started with {options}: omit {options}, or see {listed}"
    part = f" of {options_of(selection)}" if selection != WHOLE else ""
    return f"no run{part} {history.location} has {name}: {_advice(history, ident, path, newest)}"


def _advice(history: History, ident: str, path: str, newest: query_pb2.Run | None) -> str:
    """Returns what to do about an ident or path that not even the newest run of the series has."""
    if newest is None:
        near = nearest(ident, history.idents())
        if near is not None and near != ident:
            return f"did you mean '{escape(path_in(near, path))}'?"
    else:
        paths = [node.path for node in islice(history.nodes(newest, only_jobs=False), MAX_COMPARED)]
        # A deeper node may have a path with the same end.
        whole = [deeper for deeper in paths if deeper.endswith(f"/{path}")]
        near = whole[0] if len(whole) == 1 else similar_path(f"{ident}/{path}", paths)
        if near:
            return f"did you mean '{escape(near)}'?"
    listed = command("runs", where=history.where)
    return f"write the whole path, such as nightly/sims/run[2]; for the idents see {listed}"


@contextmanager
def _history(hub: HubChoice | None, tracking: Path | None) -> Generator[History]:
    """Yields the runs of a hub, or those of a tracking folder."""
    rules = rules_here()
    if hub is None:
        yield FolderHistory(tracking_root(tracking), rules=rules)
        return
    from gator.cli.history.hub import HubHistory

    with hub_client.connect(hub) as connected:
        yield HubHistory(connected, rules)


def _flaky(earlier: History, path: str, history: hs.ListHistoryResponse) -> Flakiness | None:
    """Returns how a job ended at the commit of the newest run that has it, if it is flaky there."""
    if not history.entries or not history.entries[0].run.git.commit:
        return None
    newest = earlier.run(history.entries[0].run.run)
    return flaky_jobs(earlier, earlier.full_run(newest), [path]).get(path) if newest is not None else None


def _print_history(
    name: str, history: hs.ListHistoryResponse, cleared: Mapping[str, str], flaky: Flakiness | None
) -> None:
    ended = [entry.outcome for entry in history.entries if entry.outcome]
    marks = "".join(_mark(entry.outcome) for entry in reversed(history.entries))
    passed = ended.count(common_pb2.OUTCOME_PASSED)
    output.echo(f"{output.paint(name, 'bold')}  {marks}  {passed} of {len(ended)} passed")
    if history.HasField("first_bad"):
        output.echo(f"failing since {sighting(history.first_bad)}")
        if history.HasField("last_good"):
            output.echo(f"last passed in {sighting(history.last_good)}")
        elif len(ended) > 1:
            output.echo("did not pass in any of these runs")
    if flaky is not None:
        output.echo(f"flaky: {flaky.describe()}")
    output.echo()
    rows = (_row(entry, cleared.get(entry.run.run, "")) for entry in history.entries)
    output.echo_columns(rows, right=frozenset((3, 4, 5)))


def _mark(outcome: common_pb2.Outcome.ValueType) -> str:
    return output.paint(_MARKS.get(outcome, "-"), describe.outcome(outcome))


def _row(entry: hub_pb2.HistoryEntry, rerun: str) -> tuple[str, ...]:
    word = describe.outcome(entry.outcome) or "not ended"
    return (
        describe.moment(entry.run.started_unix_nanos),
        entry.run.run[:8],
        output.paint(word, word),
        span(entry.wall_nanos) if entry.wall_nanos else "-",
        size_text(entry.peak_memory_bytes) if entry.peak_memory_bytes else "",
        _rate(entry.tally),
        f"in rerun {rerun[:8]}" if rerun else describe.reason(entry.reason),
        entry.user,
        output.paint(describe.commit(entry.run.git), "dim"),
    )


def _rate(tally: event_pb2.Tally) -> str:
    """Returns the percentage of passed jobs; empty for a single job."""
    jobs = tally_size(tally)
    return f"{tally.passed / jobs * 100:.1f} %" if jobs > 1 else ""
