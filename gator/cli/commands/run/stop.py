"""`gator stop`: ends a live run or a part of it.

Invariant: the root of the run is asked to stop; the command kills nothing itself.
"""

from typing import Annotated

import typer

from gator.cli import output
from gator.cli.json_output import print_json
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, HubOption
from gator.cli.sources.open import open_run
from gator.cli.sources.options import JsonOption, PathArgument, RunOption, TrackingOption
from gator.cli.sources.waiting import waiting_path
from gator.cli.user import user_name
from gator.errors import NotFoundError, UsageError
from gator.units import plural
from gator.v1 import attach_pb2, query_pb2
from gator.v1 import control_service_pb2 as cs


def stop(
    path: PathArgument = None,
    run: RunOption = None,
    tracking: TrackingOption = None,
    hub: HubOption = None,
    hub_ca: HubCaOption = None,
    now: Annotated[bool, typer.Option("--now", help="Send KILL at once.")] = False,
    json: JsonOption = False,
) -> None:
    """Stop a live run or a part of it.

    Jobs get TERM, and KILL after their grace. The command returns when the run has accepted the request.
    """
    with open_run(run, tracking, HubChoice(hub, hub_ca)) as opened:
        if opened.run.state == query_pb2.RUN_STATE_ENDED or opened.run.state == query_pb2.RUN_STATE_DIED:
            raise UsageError(f"nothing to stop: the run {opened.source.location} has ended")
        unknown: NotFoundError | None = None
        try:
            node_path = opened.path_of(path)
        except NotFoundError as error:
            node_path, unknown = waiting_path(opened, (path or "").strip("/")), error
        request = cs.StopRequest(
            path=node_path if path else "",
            mode=attach_pb2.STOP_MODE_NOW if now else attach_pb2.STOP_MODE_GRACEFUL,
            message=f"stopped by {user_name()} with gator stop",
        )
        try:
            response = opened.source.stop(request)
        except NotFoundError as error:
            # The text of this error is that of all commands; the root has another one.
            raise unknown or error from error
    if json:
        print_json({"path": node_path, "jobs": response.jobs})
    else:
        output.echo(f"stopping {node_path}: {plural(response.jobs, 'job')} had not ended")
