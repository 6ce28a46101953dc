"""The hub in the gator.toml files of the current folder and of the user, for commands that only read.

Invariant: nothing else of the files is read, and a file with problems stops no command.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from msgspec import Struct

from gator.cli import output
from gator.cli.config_files import files_for, project_file, read_config
from gator.core.text import readable
from gator.errors import UserError

_RUN: Final = "run"
_HUB: Final = "hub"
_HUB_CA: Final = "hub-ca"


class HubDefaults(Struct, frozen=True):
    """The options `hub` and `hub-ca` in gator.toml files."""

    address: str = ""
    """Empty if no file names a hub."""
    project_file: Path | None = None
    """The file of the project that names it; None if the file of the user names it too."""
    ca: Path | None = None


def hub_defaults(folder: Path, environment: Mapping[str, str]) -> HubDefaults:
    """Returns the hub of the project of a folder, else that of the user.

    A file that cannot be read is left out with a note on stderr.
    """
    addresses: dict[Path, str] = {}
    ca: Path | None = None
    try:
        files = files_for(folder, environment)
    except UserError as error:
        output.warn(f"gator: the hub of a gator.toml was left out: {error}")
        return HubDefaults()
    for path in files:
        table = _table_of(path)
        if address := _text(table.get(_HUB)):
            addresses[path] = address
        if ca is None and (named := _text(table.get(_HUB_CA))):
            ca = path.parent / named
    if not addresses:
        return HubDefaults(ca=ca)
    nearest, address = next(iter(addresses.items()))
    project = project_file(folder)
    is_of_user = any(path != project and other == address for path, other in addresses.items())
    return HubDefaults(address, None if is_of_user else nearest, ca)


def _table_of(path: Path) -> Mapping[str, Any]:
    """Returns the table [run] of a file; empty if it has none."""
    try:
        table = tomllib.loads(read_config(path).decode()).get(_RUN, {})
    except (UserError, ValueError) as error:
        named = "" if isinstance(error, UserError) else f"{readable(os.fsencode(path))}: "
        output.warn(f"gator: the hub of a gator.toml was left out: {named}{error}")
        return {}
    # `gator run` reports a value of another type, here and below.
    return cast("dict[str, Any]", table) if isinstance(table, dict) else {}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
