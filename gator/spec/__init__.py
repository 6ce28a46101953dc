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

__all__ = ["ParserFile", "ident_problem", "load", "load_parser", "load_partly", "nfc", "unset_names"]


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
    from gator.spec import loader

    return loader.load_parser(text, file)


def __getattr__(name: str) -> object:
    if name == "ParserFile":
        from gator.spec.builders.parsers import ParserFile

        return ParserFile
    raise AttributeError(name)
