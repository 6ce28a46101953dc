"""The hub that a command uses, and the run on it: `-r hub:RUN`, `--hub`, GATOR_HUB.

Invariant: grpc is not imported, because commands on folders do not need it.
"""

import os
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct

from gator.cli.runs.hub_names import DEFAULT, NO_HUB, VARIABLE
from gator.errors import UsageError
from gator.hub_access.address import (
    CA_VARIABLE,
    DEFAULT_PORT,
    TOKEN_FILE_VARIABLE,
    TOKEN_VARIABLE,
    HubAccess,
    is_loopback,
    resolve,
    split,
)

if TYPE_CHECKING:
    from gator.cli.runs.hub_defaults import HubDefaults

PREFIX: Final = "hub:"
"""Beginning of a name that means a run on a hub."""
ANOTHER: Final = "or name another with --hub ADDRESS"
ASK_SECONDS: Final = 60.0
"""Timeout of one call in seconds."""
COMPLETE_SECONDS: Final = 1.0
"""Timeout of one call in seconds while a shell waits for completions."""

HubOption = Annotated[
    str | None,
    typer.Option(
        "--hub",
        metavar="ADDRESS",
        help=f"Use the runs of this hub; default for hub:RUN: ${VARIABLE}, a gator.toml, or {DEFAULT}.",
    ),
]
ThisHubOption = Annotated[
    str | None,
    typer.Option(
        "--hub", metavar="ADDRESS", help=f"Use this hub; default: ${VARIABLE}, a gator.toml, or {DEFAULT}."
    ),
]
"""The same option of commands that only hubs have."""
HubCaOption = Annotated[
    Path | None,
    typer.Option(
        "--hub-ca",
        metavar="FILE",
        help=f"Trust these certificates, in PEM; default: ${CA_VARIABLE}, a gator.toml, or no TLS.",
    ),
]


class HubChoice(Struct, frozen=True):
    """The options that name a hub."""

    address: str | None = None
    ca: Path | None = None
    seconds: float = ASK_SECONDS

    def access(self) -> HubAccess:
        """Returns its address and credentials. Raises UsageError if the options name no usable hub."""
        if (self.address or "").strip().lower() == NO_HUB:
            raise UsageError(f"--hub {NO_HUB} is for gator run only: use the address of a hub")
        if self.address:
            return resolve(self.address, os.environ, ca=self._certificates())
        address, project_file = self._default()
        return resolve(address, os.environ, ca=self._certificates(), project_file=project_file)

    def where(self, address: str) -> list[str]:
        """Returns options that name the same hub in any folder and environment, without its token."""
        ca = self._certificates() or Path(os.environ.get(CA_VARIABLE, ""))
        return ["--hub", address, *(["--hub-ca", str(ca.absolute())] if ca.name else [])]

    def _default(self) -> tuple[str, Path | None]:
        """Returns the address of the environment, else of the gator.toml files, else that of this host.

        If only the file of a project names it, that file comes with it.
        """
        named, file = os.environ.get(VARIABLE, "").strip(), None
        if not named:
            named, file = _configured().address, _configured().project_file
        return (DEFAULT, None) if named.lower() in ("", NO_HUB) else (named, file)

    def _certificates(self) -> Path | None:
        """Returns the file of the option, else of the gator.toml files; None if the environment names one."""
        return self.ca or (None if os.environ.get(CA_VARIABLE) else _configured().ca)


@cache
def _configured() -> "HubDefaults":
    from gator.cli.runs.hub_defaults import hub_defaults

    try:
        folder = Path.cwd()
    except OSError:
        # The current folder was deleted; the file of the user still applies.
        folder = Path("/")
    return hub_defaults(folder, os.environ)


def needs_of(access: HubAccess, environment: Mapping[str, str]) -> str:
    """Returns the variable to set for a printed command about a hub; empty for none."""
    if not access.source:
        return ""
    if access.source == TOKEN_VARIABLE:
        return f"{TOKEN_VARIABLE}, set as here: the hub's token is not printed"
    if access.source == environment.get(TOKEN_FILE_VARIABLE):
        return f"{TOKEN_FILE_VARIABLE}={shlex.quote(str(Path(access.source).absolute()))}"
    return ""


NO_CHOICE: Final = HubChoice()


def name_on_hub(run_name: str | None, hub: HubChoice) -> str | None:
    """Returns the name of a run on a hub, empty for the newest; None if the run is not on a hub."""
    if run_name is not None and run_name.startswith(PREFIX):
        return run_name.removeprefix(PREFIX)
    return (run_name or "") if hub.address else None


def absent(address: str) -> str:
    """Returns the error for an address at which no hub listens."""
    if not is_loopback(address) or address.startswith("unix:"):
        return f"no hub listens at {address}: start the hub there, {ANOTHER}"
    _, port = split(address)
    option = "" if port == DEFAULT_PORT else f" -P {port}"
    return f"no hub listens at {address}: start one with gator hub serve{option}, {ANOTHER}"
