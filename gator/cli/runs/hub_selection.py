"""Which hub a command means, and which of its runs: `-r hub:RUN`, `--hub`, GATOR_HUB.

Rule: imports no grpc, so that commands on folders start as fast as before.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct

from gator.cli.runs.hub_options import DEFAULT, NO_HUB, VARIABLE
from gator.errors import UsageError
from gator.hub_address import (
    CA_VARIABLE,
    DEFAULT_PORT,
    TOKEN_FILE_VARIABLE,
    TOKEN_VARIABLE,
    HubAccess,
    is_loopback,
    resolve,
    split,
)

PREFIX: Final = "hub:"
"""What `-r` begins with when it means a run of a hub."""
ANOTHER: Final = "or name another with --hub ADDRESS"
ASK_SECONDS: Final = 60.0
"""Longest time of one question."""
COMPLETE_SECONDS: Final = 1.0
"""The same for somebody who has pressed Tab and waits."""

HubOption = Annotated[
    str | None,
    typer.Option(
        "--hub",
        metavar="ADDRESS",
        help=f"Use the runs of this hub; default for hub:RUN: ${VARIABLE}, else {DEFAULT}.",
    ),
]
HubCaOption = Annotated[
    Path | None,
    typer.Option(
        "--hub-ca",
        metavar="FILE",
        help=f"Trust these certificates, in PEM; default: ${CA_VARIABLE}, else no TLS.",
    ),
]


class HubChoice(Struct, frozen=True):
    """Options that say which hub."""

    address: str | None = None
    ca: Path | None = None
    seconds: float = ASK_SECONDS

    def access(self) -> HubAccess:
        """How to speak with it. Raises UsageError."""
        named = os.environ.get(VARIABLE, "").strip()
        if (self.address or "").strip().lower() == NO_HUB:
            raise UsageError(f"--hub {NO_HUB} keeps a run out of any hub: name the hub to look on")
        default = DEFAULT if named.lower() in ("", NO_HUB) else named
        return resolve(self.address or default, os.environ, ca=self.ca)

    def words(self, address: str) -> list[str]:
        """Returns options that name the same hub in any folder and environment, without its token."""
        ca = self.ca or Path(os.environ.get(CA_VARIABLE, ""))
        return ["--hub", address, *(["--hub-ca", str(ca.absolute())] if ca.name else [])]


def needs_of(access: HubAccess, environment: Mapping[str, str]) -> str:
    """Returns what has to be set before a printed command about a hub; empty if nothing has to be."""
    if not access.source:
        return ""
    if access.source == TOKEN_VARIABLE:
        return f"{TOKEN_VARIABLE}, set as here: the hub's token is not printed"
    if access.source == environment.get(TOKEN_FILE_VARIABLE):
        return f"{TOKEN_FILE_VARIABLE}={shlex.quote(str(Path(access.source).absolute()))}"
    return ""


NO_CHOICE: Final = HubChoice()


def name_on_hub(wanted: str | None, hub: HubChoice) -> str | None:
    """How a hub names the run that is wanted, empty for the newest; None when no hub is meant."""
    if wanted is not None and wanted.startswith(PREFIX):
        return wanted.removeprefix(PREFIX)
    return (wanted or "") if hub.address else None


def absent(address: str) -> str:
    """What is said of a hub where nothing listens, and what to do."""
    if not is_loopback(address) or address.startswith("unix:"):
        return f"nothing listens at {address}: see that the hub there runs, {ANOTHER}"
    _, port = split(address)
    option = "" if port == DEFAULT_PORT else f" -P {port}"
    return f"nothing listens at {address}: start a hub with gator hub serve{option}, {ANOTHER}"
