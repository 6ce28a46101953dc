"""Which hub a command means, and which of its runs: `-r hub:RUN`, `--hub`, GATOR_HUB.

Rule: imports no grpc, so that commands on folders start as fast as before.
"""

import os
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct

from gator.hub_access import HubAccess, resolve

PREFIX: Final = "hub:"
"""What `-r` begins with when it means a run of a hub."""
VARIABLE: Final = "GATOR_HUB"
DEFAULT: Final = "localhost:8080"
ADVICE: Final = "start it with gator hub serve, or name another with --hub ADDRESS"
"""What to do about a hub that does not answer."""
ASK_SECONDS: Final = 60.0
"""Longest time of one question."""
COMPLETE_SECONDS: Final = 1.0
"""The same for somebody who has pressed the tabulator and waits."""

HubOption = Annotated[
    str | None,
    typer.Option(
        "--hub",
        metavar="ADDRESS",
        help=f"Look on this hub; default with -r hub:RUN: {VARIABLE}, else {DEFAULT}.",
    ),
]
HubCaOption = Annotated[
    Path | None,
    typer.Option("--hub-ca", metavar="FILE", help="Certificates (PEM) to trust; default GATOR_HUB_CA."),
]


class HubChoice(Struct, frozen=True):
    """Options that say which hub."""

    address: str | None = None
    ca: Path | None = None
    seconds: float = ASK_SECONDS

    def access(self) -> HubAccess:
        """How to speak with it. Raises UsageError."""
        named = os.environ.get(VARIABLE, "").strip()
        # `none` keeps runs out of any hub; it names none.
        default = DEFAULT if named.lower() in ("", "none") else named
        return resolve(self.address or default, os.environ, ca=self.ca)


NO_CHOICE: Final = HubChoice()


def name_on_hub(wanted: str | None, hub: HubChoice) -> str | None:
    """How a hub names the run that is wanted, empty for the newest; None when no hub is meant."""
    if wanted is not None and wanted.startswith(PREFIX):
        return wanted.removeprefix(PREFIX)
    return (wanted or "") if hub.address else None
