"""Finds the run on a hub that a command changes, and prints the change.

Invariant: a run is found once, by its name; later calls use its whole id.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.runs import hub_client
from gator.cli.runs.find import LATEST
from gator.cli.runs.hub_choice import PREFIX, HubChoice
from gator.errors import UsageError
from gator.v1 import query_pb2


@contextmanager
def found_run(action: str, name: str, choice: HubChoice) -> Generator[tuple[hub_client.Hub, query_pb2.Run]]:
    """Yields a hub, and its run with a name. Raises NotFoundError and UsageError."""
    name = name.removeprefix(PREFIX)
    if not name:
        # Other commands take the newest run; here the name may be an unset variable of a script.
        raise UsageError(f"RUN is empty: name the run to {action}, such as {LATEST}")
    with hub_client.connect(choice) as hub:
        yield hub, hub.find(name)


def print_change(change: str, run: query_pb2.Run, values: Mapping[str, bool | str], *, json: bool) -> None:
    """Prints what was done to a run, such as `deleted`; `values` say it in JSON."""
    if json:
        print_json({"run": run.id, "ident": run.ident, **values})
    else:
        output.echo(f"{change} run {run.id[:12]} of {run.ident}")
