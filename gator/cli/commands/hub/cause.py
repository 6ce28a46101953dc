"""`gator cause`: names causes in all runs of a hub, and notes what is known about them."""

from typing import Annotated

import typer

from gator.cli import output
from gator.cli.json_output import print_json, to_values
from gator.cli.runs import hub_client
from gator.cli.runs.hub_choice import HubCaOption, HubChoice, ThisHubOption
from gator.cli.sources.options import JsonOption
from gator.console import describe
from gator.units import plural
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import spec_pb2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Name the causes of failures on a hub, and note what is known about them.",
)

CauseArgument = Annotated[
    str,
    typer.Argument(
        metavar="CAUSE", help="Name of a cause, its ticket, or a whole signature.", show_default=False
    ),
]


@app.command(
    epilog="Example:\n\n  gator cause add 'grant timeout' --match 'waiting for grant' --ticket HW-12"
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the cause.", show_default=False)],
    match: Annotated[
        str, typer.Option("--match", metavar="REGEX", help="Search the text of the first error for REGEX.")
    ] = "",
    paths: Annotated[
        str, typer.Option("--paths", metavar="GLOB", help="Take only jobs whose path matches GLOB.")
    ] = "",
    signature: Annotated[
        list[str] | None,
        typer.Option("--signature", metavar="SIGNATURE", help="Take failures with this signature."),
    ] = None,
    ticket: Annotated[str, typer.Option("--ticket", metavar="TICKET", help="Attach a ticket.")] = "",
    hub: ThisHubOption = None,
    hub_ca: HubCaOption = None,
) -> None:
    """Add a rule that names a cause in all runs of a hub; all of its conditions must hold.

    Several rules with one name merge failures; rules with different names split one signature.
    """
    rule = spec_pb2.CauseRule(name=name, match=match, paths=paths, ticket=ticket, signatures=signature or [])
    with hub_client.connect(HubChoice(hub, hub_ca)) as connected:
        connected.add_cause(rule)
    output.echo(f"added a rule for {name}")


@app.command("list")
def list_(hub: ThisHubOption = None, hub_ca: HubCaOption = None, json: JsonOption = False) -> None:
    """List the rules of a hub in their order, with notes and tickets."""
    with hub_client.connect(HubChoice(hub, hub_ca)) as connected:
        causes = connected.causes()
    if json:
        for stored in causes.rules:
            print_json({**to_values(stored), "note": None})
        for stored_note in causes.notes:
            print_json({"rule": None, "cause": stored_note.cause, "note": to_values(stored_note.note)})
        return
    for stored in causes.rules:
        output.echo(_rule(stored))
    for stored_note in causes.notes:
        note = stored_note.note
        what = f"ticket {note.ticket}" if note.ticket else note.text
        when = describe.moment(note.time_unix_nanos)
        output.echo(f"{output.paint(stored_note.cause, 'bold')}: {what} ({note.author}, {when})")
    if not causes.rules and not causes.notes:
        output.echo("the hub has no rules for causes and no notes")


@app.command(epilog="Example:\n\n  gator cause note 'grant timeout' 'seen only on board 7'")
def note(
    cause: CauseArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note.", show_default=False)],
    hub: ThisHubOption = None,
    hub_ca: HubCaOption = None,
) -> None:
    """Add a note to a cause."""
    with hub_client.connect(HubChoice(hub, hub_ca)) as connected:
        connected.note_cause(hs.NoteCauseRequest(cause=cause, text=text))
    output.echo(f"added a note to {cause}")


@app.command()
def ticket(
    cause: CauseArgument,
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket.", show_default=False)],
    hub: ThisHubOption = None,
    hub_ca: HubCaOption = None,
) -> None:
    """Attach a ticket to a cause."""
    with hub_client.connect(HubChoice(hub, hub_ca)) as connected:
        connected.note_cause(hs.NoteCauseRequest(cause=cause, ticket=ticket))
    output.echo(f"attached {ticket} to {cause}")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the cause.", show_default=False)],
    hub: ThisHubOption = None,
    hub_ca: HubCaOption = None,
) -> None:
    """Remove your rules for a cause; an administrator of the hub removes those of all users."""
    with hub_client.connect(HubChoice(hub, hub_ca)) as connected:
        number = connected.remove_cause(name)
    output.echo(f"removed {plural(number, 'rule')} for {name}")


def _rule(stored: hs.StoredCauseRule) -> str:
    """Returns a rule in one line."""
    rule = stored.rule
    parts = [
        f"match '{rule.match}'" if rule.match else "",
        f"paths '{rule.paths}'" if rule.paths else "",
        f"signature {' or '.join(rule.signatures)}" if rule.signatures else "",
        f"ticket {rule.ticket}" if rule.ticket else "",
    ]
    when = describe.moment(stored.time_unix_nanos)
    shown = ", ".join(filter(None, parts))
    return f"{output.paint(rule.name, 'bold')}: {shown} ({stored.author}, {when})"
