"""`gator runs`: the runs in the tracking folder. Rule: a run that cannot be read is listed all the same."""

from typing import Annotated

import typer

from gator.cli import output
from gator.cli.selector import FoundRun, JsonOption, TrackingOption, found_runs, tracking_root
from gator.cli.selector_open import asking
from gator.errors import GatorError, UserError
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs


def runs(
    tracking: TrackingOption = None,
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, metavar="N", help="Most runs to list.")
    ] = 20,
    json: JsonOption = False,
) -> None:
    """The runs, the newest first: when, id, ident, outcome, counts, how long, folder."""
    root = tracking_root(tracking)
    found = found_runs(root)
    rows = list[tuple[str, ...]]()
    for run in found[:number]:
        seen = _look(run)
        if json:
            values = output.to_values(seen) if isinstance(seen, query_pb2.Run) else {"fault": seen}
            output.say_json({**values, "folder": str(run.folder.path)})
        else:
            rows.append(_row(run, seen))
    if json:
        return
    output.columns(rows, right=frozenset((5,)))
    if not found:
        output.say(f"no runs in {root}")
    elif len(found) > number:
        output.say(output.paint(f"{len(found) - number} older ones: -n {len(found)}", "dim"))


def _look(run: FoundRun) -> query_pb2.Run | str:
    """The run, or why it cannot be read."""
    try:
        with asking(run) as ask:
            return ask.get_run(qs.GetRunRequest()).run
    except (GatorError, UserError) as error:
        return str(error)


def outcome_of(run: query_pb2.Run) -> str:
    """One word for a run: its outcome, `running` or `died`."""
    if run.state == query_pb2.RUN_STATE_DIED:
        return "died"
    return output.outcome(run.result.outcome) or output.word(query_pb2.RunState.DESCRIPTOR, run.state)


def _row(found: FoundRun, run: query_pb2.Run | str) -> tuple[str, ...]:
    name = found.folder.path.name
    if isinstance(run, str):
        return (name, found.id[:8], found.ident, "unreadable", run, "", "")
    word = outcome_of(run)
    ended = run.ended_unix_nanos
    took = output.duration(ended - run.started_unix_nanos) if ended else ""
    return (
        output.moment(run.started_unix_nanos),
        run.id[:8],
        run.ident,
        output.paint(word, "lost" if word == "died" else word),
        output.tally(run.tally),
        took,
        output.paint(str(found.folder.path), "dim"),
    )
