"""`gator hub`: the client subcommands; those of the server come with the package `gator_hub`.

Invariant: the server is imported only when one of its own subcommands is called or listed.
"""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gator.cli.runs.hub_choice import HubCaOption, HubChoice, ThisHubOption
from gator.cli.sources.options import JsonOption, complete_hub_run

_SERVER = "gator.hub"
"""Group of the entry point whose `app` has the server's own commands."""

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run of the hub: the beginning of its id, an ident, latest, or -2.",
        show_default=False,
        autocompletion=complete_hub_run,
    ),
]


class HubGroup(TyperGroup):
    """The client subcommands, and those of the server if it is installed."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the names of all subcommands, those of the server first."""
        return [*_server_commands(), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Returns a subcommand; imports the server unless it is a client subcommand."""
        return super().get_command(ctx, cmd_name) or _server_commands().get(cmd_name)


def _server_commands() -> dict[str, Any]:
    commands: dict[str, Any] = {}
    for point in entry_points(group=_SERVER, name="app"):
        # If several packages provide a subcommand, that of the first one is used.
        group: Any = get_command(point.load())
        commands = {**group.commands, **commands}
    return commands


app = typer.Typer(
    cls=HubGroup,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Serve a hub with the runs of many users, and manage its runs.",
)


@app.command(
    "import", epilog="Examples:\n\n  gator hub import tracking\n\n  gator hub import tracking/latest"
)
def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="The folder of a run, or one that contains runs.",
            show_default=False,
            # A run that cannot be read is reported, and the others are sent.
            readable=False,
        ),
    ],
    hub: ThisHubOption = None,
    hub_ca: HubCaOption = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Continue to send live runs until they end.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Send runs to a hub; only what it does not have yet is sent.

    The exit code is 1 if a run could not be sent completely.
    """
    from gator.cli.commands.hub.import_runs import import_runs

    raise typer.Exit(import_runs(paths, HubChoice(hub, hub_ca), follow=follow, json=json))


_ALLOW_NEGATIVE = {"ignore_unknown_options": True}
"""Context settings of commands with an argument that may be `-2`."""


@app.command(context_settings=_ALLOW_NEGATIVE)
def delete(
    run: NameArgument, hub: ThisHubOption = None, hub_ca: HubCaOption = None, json: JsonOption = False
) -> None:
    """Remove one of your runs from a hub, unless it is connected; keep its folder."""
    from gator.cli.commands.hub.change_run import found_run, print_change

    with found_run("delete", run, HubChoice(hub, hub_ca)) as (connected, hub_run):
        connected.delete(hub_run.id)
    print_change("deleted", hub_run, {"deleted": True}, json=json)


@app.command(context_settings=_ALLOW_NEGATIVE)
def pin(
    run: NameArgument, hub: ThisHubOption = None, hub_ca: HubCaOption = None, json: JsonOption = False
) -> None:
    """Keep one of your runs in a hub forever, regardless of its age."""
    from gator.cli.commands.hub.change_run import found_run, print_change

    with found_run("pin", run, HubChoice(hub, hub_ca)) as (connected, hub_run):
        connected.pin(hub_run.id, pinned=True)
    print_change("pinned", hub_run, {"pinned": True}, json=json)


@app.command(context_settings=_ALLOW_NEGATIVE)
def unpin(
    run: NameArgument, hub: ThisHubOption = None, hub_ca: HubCaOption = None, json: JsonOption = False
) -> None:
    """Let a hub remove one of your runs when it is old."""
    from gator.cli.commands.hub.change_run import found_run, print_change

    with found_run("unpin", run, HubChoice(hub, hub_ca)) as (connected, hub_run):
        connected.pin(hub_run.id, pinned=False)
    print_change("unpinned", hub_run, {"pinned": False}, json=json)


@app.command(context_settings=_ALLOW_NEGATIVE)
def give(
    run: NameArgument,
    user: Annotated[
        str,
        typer.Argument(
            metavar="USER", help="Name of the new owner; the hub must have a token for this name."
        ),
    ],
    hub: ThisHubOption = None,
    hub_ca: HubCaOption = None,
    json: JsonOption = False,
) -> None:
    """Make another user the owner of one of your runs in a hub."""
    from gator.cli.commands.hub.change_run import found_run, print_change

    with found_run("give", run, HubChoice(hub, hub_ca)) as (connected, hub_run):
        connected.give(hub_run.id, user)
    print_change(f"gave {user}", hub_run, {"owner": user}, json=json)


@app.command(
    "open",
    epilog="Examples:\n\n  gator hub open\n\n  gator hub open nightly\n\n  gator hub open /trend/nightly",
    context_settings=_ALLOW_NEGATIVE,
)
def open_(
    view: Annotated[
        str,
        typer.Argument(
            metavar="VIEW",
            help="A run of the hub, or a path of its page such as /trend/nightly; default: the list of runs.",
            show_default=False,
            autocompletion=complete_hub_run,
        ),
    ] = "/",
    hub: ThisHubOption = None,
    hub_ca: HubCaOption = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the link only; it signs in once, within 60 s.")
    ] = False,
) -> None:
    """Open the web page of a hub in the browser, signed in."""
    from gator.cli.commands.hub.page import open_page

    open_page(view, HubChoice(hub, hub_ca), only_print=only_print)
