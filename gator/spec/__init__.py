"""The spec language: loading with positions and all checks, JSON Schema, expansion of variables.

Invariant: no I/O and no clock; included files are read by a function that is an argument. Importing the
package does not import YAML, which no daemon needs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gator.spec.idents import ident_problem, nfc
from gator.spec.interpolation import unset_names

if TYPE_CHECKING:
    from gator.spec.builders.parsers import ParserFile
    from gator.spec.loader import Loaded
    from gator.spec.other_files import ConfigFile

__all__ = [
    "ConfigFile",
    "ParserFile",
    "ident_problem",
    "load",
    "load_config",
    "load_parser",
    "load_partly",
    "nfc",
    "unset_names",
]


def load(text: str | bytes, *, file: str, read: Callable[[str], bytes] | None = None) -> "Loaded":
    """Loads a spec and checks everything that can be checked without its plan.

    `file` is the name as the user gave it: positions show it, and its stem is the ident of a root without
    one. `read` gets the path of an included file and returns its bytes, or raises OSError; without it
    nothing can be included. Raises SpecError with every problem.
    """
    from gator.spec import loader

    return loader.load(text, file, read)


def load_partly(text: str | bytes, *, file: str, read: Callable[[str], bytes] | None = None) -> "Loaded":
    """Returns a spec as far as it could be read, with its problems instead of raising them."""
    from gator.spec import loader

    return loader.load_partly(text, file, read)


def load_parser(text: str | bytes, *, file: str) -> "ParserFile":
    """Loads a file with a parser. Raises SpecError with every problem."""
    from gator.spec import other_files

    return other_files.load_parser(text, file)


def load_config(text: bytes, *, file: str, read: Callable[[str], bytes] | None = None) -> "ConfigFile":
    """Loads a gator.toml: keys that the root of a spec inherits, and the table [run] with options.

    `read` reads the files of parsers. Raises SpecError with every problem of the keys; the values of options
    are for the command to check.
    """
    from gator.spec import other_files

    return other_files.load_config(text, file, read)


def __getattr__(name: str) -> object:
    if name == "ParserFile":
        from gator.spec.builders.parsers import ParserFile

        return ParserFile
    if name == "ConfigFile":
        from gator.spec.other_files import ConfigFile

        return ConfigFile
    raise AttributeError(name)
