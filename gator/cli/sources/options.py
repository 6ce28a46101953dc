"""The options and arguments that name a run and a node, and their completions.

Invariant: completions wait at most one second for a hub, and raise no error.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from gator.cli.runs.find import LATEST, MEANING_OF_LATEST, found_runs
from gator.cli.runs.hub_choice import COMPLETE_SECONDS, PREFIX, HubChoice
from gator.cli.sources.open import paths_like
from gator.cli.tracking import tracking_root


def complete_run(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Returns completions of `-r`; asks a hub only if the value begins with `hub:`."""
    if incomplete.startswith(PREFIX):
        # Imported late, because it imports grpc.
        from gator.cli.sources.hub import names_like

        return names_like(impatient(ctx), incomplete.removeprefix(PREFIX))
    # With two completions that begin with `hub:`, shells do not add a space after it.
    of_hub = [(PREFIX, f"{MEANING_OF_LATEST} on the hub"), (PREFIX + LATEST, "the same")]
    return [value for value in of_hub if value[0].startswith(incomplete)] + complete_folder(incomplete)


def complete_folder(incomplete: str) -> list[tuple[str, str]]:
    """Returns completions of the name of a run in a folder."""
    values = [(LATEST, MEANING_OF_LATEST)]
    values += [(run.folder.path.name, run.ident) for run in found_runs(tracking_root())[:50]]
    return [value for value in values if value[0].startswith(incomplete)]


def complete_hub_run(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Returns completions of the name of a run on a hub, with or without `hub:`."""
    from gator.cli.sources.hub import names_like

    typed = PREFIX if incomplete.startswith(PREFIX) else ""
    offered = names_like(impatient(ctx), incomplete.removeprefix(PREFIX))
    return [(typed + name.removeprefix(PREFIX), text) for name, text in offered]


def complete_path(ctx: typer.Context, incomplete: str) -> list[str]:
    """Returns completions of the path of a node."""
    tracking = ctx.params.get("tracking")
    return paths_like(ctx.params.get("run"), Path(tracking) if tracking else None, impatient(ctx), incomplete)


def impatient(ctx: typer.Context) -> HubChoice:
    """Returns the hub that the other options name, with the timeout for completions."""
    ca = ctx.params.get("hub_ca")
    return HubChoice(ctx.params.get("hub"), Path(ca) if ca else None, COMPLETE_SECONDS)


def run_option(default: str) -> Any:
    """Returns the option `-r` with the help for a command whose default is this."""
    return typer.Option(
        "-r",
        "--run",
        metavar="RUN",
        help="Choose the run: latest, -1, -2, …, the beginning of an id, an ident, a folder, or hub:RUN; "
        f"default: {default}.",
        autocompletion=complete_run,
    )


RunOption = Annotated[str | None, run_option("the run started last, on a hub latest")]
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
