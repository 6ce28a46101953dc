"""The rules for causes in the gator.toml files of today, which name the causes of runs of the past as well.

Invariant: nothing else of the files is read, and a file with problems hides no run.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gator.cli import output
from gator.cli.config_files import files_for, read_config
from gator.core.text import readable
from gator.errors import SpecError, UserError

if TYPE_CHECKING:
    from gator.v1 import query_pb2, spec_pb2


def rules_for(run: "query_pb2.Run") -> "Sequence[spec_pb2.CauseRule]":
    """Returns the rules of the project and of the user for a run.

    The project is that of the folder with the spec, if this host has it, else that of the current folder.
    """
    folder = Path(run.launch_dir, run.spec).parent
    # Unlike Path.is_dir, os.path.isdir is False for a folder that this user may not enter.
    if run.launch_dir and run.spec and os.path.isdir(folder):  # noqa: PTH112
        return present_rules(folder)
    return rules_here()


def rules_here() -> "Sequence[spec_pb2.CauseRule]":
    """Returns the rules of the project of the current folder and of the user."""
    try:
        folder = Path.cwd()
    except OSError:
        # The folder was removed; the rules of the user still apply.
        folder = Path("/")
    return present_rules(folder)


def present_rules(folder: Path) -> "Sequence[spec_pb2.CauseRule]":
    """Returns the rules of the project of a folder, and after them those of the user.

    A file that cannot be read, or whose rules have problems, is left out with a note on stderr.
    """
    rules: list[spec_pb2.CauseRule] = []
    try:
        files = files_for(folder, os.environ)
    except UserError as error:
        output.warn(f"gator: the causes of a gator.toml were left out: {error}")
        return rules
    for path in files:
        try:
            rules += _rules_in(path)
        except (SpecError, UserError) as error:
            output.warn(f"gator: the causes of a gator.toml were left out: {error}")
    return rules


def _rules_in(path: Path) -> "Sequence[spec_pb2.CauseRule]":
    text = read_config(path)
    if b"causes" not in text:
        # Most files have none, and this saves importing the reader of specs.
        return ()
    from gator.spec import load_causes

    return load_causes(text, file=readable(os.fsencode(path)))
