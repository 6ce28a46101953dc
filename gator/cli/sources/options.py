"""The options and arguments by which commands say which run and node they are about, and what shells offer.

Rule: a shell that completes waits a second for a hub at the most, and sees no error.
"""

from pathlib import Path
from typing import Annotated

import typer

from gator.cli.runs.find import LATEST, found_runs, tracking_root
from gator.cli.runs.hub_selection import COMPLETE_SECONDS, PREFIX, HubChoice
from gator.cli.sources.open import paths_like


def complete_run(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """What a shell offers after `-r`. A hub is asked only once somebody has begun to name a run of it."""
    if incomplete.startswith(PREFIX):
        # Imports grpc, which the command itself may not need.
        from gator.cli.sources.hub import names_like

        return names_like(impatient(ctx), incomplete.removeprefix(PREFIX))
    # A second one with this beginning keeps shells from going on to the next word after `hub:`.
    of_hub = [(PREFIX, "the newest run of the hub"), (PREFIX + LATEST, "the same")]
    return [value for value in of_hub if value[0].startswith(incomplete)] + complete_folder(incomplete)


def complete_folder(incomplete: str) -> list[tuple[str, str]]:
    """What a shell offers for a run in a folder."""
    values = [(LATEST, "the newest run")]
    values += [(run.folder.path.name, run.ident) for run in found_runs(tracking_root(None))[:50]]
    return [value for value in values if value[0].startswith(incomplete)]


def complete_hub_run(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """What a shell offers where only a run of a hub can stand, with `hub:` before it or without."""
    from gator.cli.sources.hub import names_like

    typed = PREFIX if incomplete.startswith(PREFIX) else ""
    offered = names_like(impatient(ctx), incomplete.removeprefix(PREFIX))
    return [(typed + name.removeprefix(PREFIX), text) for name, text in offered]


def complete_path(ctx: typer.Context, incomplete: str) -> list[str]:
    """What a shell offers for the path of a node."""
    tracking = ctx.params.get("tracking")
    return paths_like(ctx.params.get("run"), Path(tracking) if tracking else None, impatient(ctx), incomplete)


def impatient(ctx: typer.Context) -> HubChoice:
    """Returns the hub that the words before mean, asked only for as long as a shell may stand still."""
    ca = ctx.params.get("hub_ca")
    return HubChoice(ctx.params.get("hub"), Path(ca) if ca else None, COMPLETE_SECONDS)


RunOption = Annotated[
    str | None,
    typer.Option(
        "-r",
        "--run",
        metavar="RUN",
        help="Choose the run: latest (default), -1, -2, …, the beginning of an id, an ident, a folder, or "
        "hub:RUN.",
        autocompletion=complete_run,
    ),
]
TrackingOption = Annotated[
    Path | None,
    typer.Option(
        "--tracking",
        metavar="DIR",
        help="Look for runs in this folder; default: ./tracking.",
        envvar="GATOR_TRACKING",
    ),
]
PathArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH",
        help="A node, given by its path or the end of its path; default: the root.",
        autocompletion=complete_path,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, as docs/json.md describes.")]
