"""`gator runs -r hub:`: the runs of a hub.

Invariant: at most one run more than is printed is requested.
"""

import re
import sys
from collections.abc import Iterator

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.options.number import print_omitted
from gator.cli.runs import hub_client
from gator.cli.runs.filter import Filter
from gator.cli.runs.find import LATEST
from gator.cli.runs.hub_choice import HubChoice
from gator.cli.runs.run_text import outcome_of, passed_in, run_duration, selection_text
from gator.console import describe
from gator.v1 import query_pb2


def list_hub(choice: HubChoice, name: str, run_filter: Filter, limit: int | None, *, json: bool) -> None:
    """Prints the newest runs that match, up to a limit."""
    rows = list[tuple[str, ...]]()
    listed = 0
    with hub_client.connect(choice) as hub:
        for listed, run in enumerate(_runs(hub, name, run_filter, limit + 1 if limit else sys.maxsize), 1):
            if limit and listed > limit:
                break
            if json:
                print_json(run)
            else:
                rows.append(_row(run))
        if not listed and name:
            # Raises NotFoundError if there is no such run at all.
            hub.find(name)
        where = hub.peer.name
    if json:
        return
    output.echo_columns(rows, right=frozenset((6,)))
    if not rows:
        output.echo(f"no {'such ' if name or run_filter != Filter() else ''}runs on {where}")
    elif limit and listed > limit:
        print_omitted("run")


def _runs(hub: hub_client.Hub, name: str, run_filter: Filter, maximum: int) -> Iterator[query_pb2.Run]:
    """Returns the matching runs of a name; `latest` means all, `-2` the second newest."""
    if re.fullmatch(r"-\d+", name):
        run = hub.find(name)
        return iter([run] if run_filter.matches(run) else [])
    return hub.runs(run_filter.request("" if name == LATEST else name), maximum)


def _row(run: query_pb2.Run) -> tuple[str, ...]:
    word = outcome_of(run)
    about = [describe.commit(run.git)] if run.git.commit else []
    about += [selection_text(run)] if selection_text(run) else []
    about += [passed_in(run)] if run.passed_in else []
    about += [f"owned by {run.owner}"] if run.owner not in ("", run.user) else []
    about += [f"{name}={run.labels[name]}" for name in sorted(run.labels)]
    about += ["pinned"] if run.pinned else []
    return (
        describe.moment(run.started_unix_nanos),
        run.id[:8],
        run.ident,
        run.user,
        output.paint(word, word),
        output.painted_tally(run.tally),
        run_duration(run),
        output.paint(", ".join(about), "dim"),
    )
