"""The spec language: loading with positions and all checks, JSON Schema, expansion of variables.

Invariant: no I/O and no clock; included files are read by a function that is an argument. Importing the
package does not import YAML, which no daemon needs.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from gator.spec.idents import ident_problem, nfc
from gator.spec.interpolation import unset_names

if TYPE_CHECKING:
    from gator.errors import Problem
    from gator.spec.builders.recognition.parsers import ParserFile
    from gator.spec.files.config_file import ConfigFile
    from gator.spec.files.loader import Loaded
    from gator.spec.written import Cores, Job, JobArray, JobGroup, License, Memory, SpecNode
    from gator.v1 import spec_pb2
    from gator.v1.spec_pb2 import CauseRule, DeferredKey

BUILT: Final = b"\x89gator spec 1\n"
"""How a file with a spec that was built in Python begins."""
__all__ = [
    "BUILT",
    "ConfigFile",
    "Cores",
    "Job",
    "JobArray",
    "JobGroup",
    "License",
    "Memory",
    "ParserFile",
    "SpecNode",
    "ident_problem",
    "load",
    "load_built",
    "load_causes",
    "load_config",
    "load_config_partly",
    "load_parser",
    "load_partly",
    "load_written",
    "nfc",
    "read_deferred",
    "to_bytes",
    "unset_names",
]


def load(
    text: str | bytes,
    *,
    file: str,
    read: Callable[[str], bytes] | None = None,
    find_parser: Callable[[str], str | None] | None = None,
    run: Callable[[Sequence[str], str], bytes] | None = None,
    runners: Callable[[], Collection[str]] | None = None,
) -> "Loaded":
    """Loads a spec and checks everything that can be checked without its plan.

    `file` is the name as the user gave it: positions show it, and its stem is the ident of a root without
    one. `read` gets the path of an included file and returns its bytes, or raises OSError; without it
    nothing can be included. `find_parser` gets the name of a parser that is not built in, and returns the
    absolute path of its file, None if there is none, or raises UserError. `run` gets the command line and the
    folder of a program, and returns its output, or raises OSError or ValueError. `runners` returns the names
    of all runners; without it any name may be one.

    Raises SpecError with every problem.
    """
    from gator.spec.files import loader

    return loader.load(text, file, read, find_parser, run, runners)


def load_partly(
    text: str | bytes,
    *,
    file: str,
    read: Callable[[str], bytes] | None = None,
    find_parser: Callable[[str], str | None] | None = None,
    run: Callable[[Sequence[str], str], bytes] | None = None,
    runners: Callable[[], Collection[str]] | None = None,
) -> "Loaded":
    """Returns a spec as far as it could be read, with its problems instead of raising them."""
    from gator.spec.files import loader

    return loader.load_partly(text, file, read, find_parser, run, runners)


def load_written(
    root: "SpecNode",
    find_parser: Callable[[str], str | None] | None = None,
    runners: Callable[[], Collection[str]] | None = None,
) -> "Loaded":
    """Returns the spec of a root that was built in Python. Raises SpecError with every problem."""
    from gator.spec import built

    return built.load_written(root, find_parser, runners)


def to_bytes(loaded: "Loaded") -> bytes:
    """Returns the content of a file from which `load_built` reads the spec."""
    from gator.spec import built

    return built.to_bytes(loaded.spec)


def load_built(data: bytes, *, file: str) -> "Loaded":
    """Loads a spec that was built in Python, and was checked then. Raises UsageError if it is damaged."""
    from gator.spec import built

    return built.from_bytes(data, file)


def load_parser(text: str | bytes, *, file: str) -> "ParserFile":
    """Loads a file with a parser. Raises SpecError with every problem."""
    from gator.spec.files import parser_file

    return parser_file.load_parser(text, file)


def load_config(
    text: bytes,
    *,
    file: str,
    read: Callable[[str], bytes] | None = None,
    find_parser: Callable[[str], str | None] | None = None,
    runners: Callable[[], Collection[str]] | None = None,
) -> "ConfigFile":
    """Loads a gator.toml: keys that the root of a spec inherits, and the table [run] with options.

    `read`, `find_parser` and `runners` are as of `load`. Raises SpecError with every problem of the keys;
    the values of options are for the command to check.
    """
    from gator.spec.files import config_file

    return config_file.load_config(text, file, read, find_parser, runners)


def load_config_partly(
    text: bytes,
    *,
    file: str,
    read: Callable[[str], bytes] | None = None,
    find_parser: Callable[[str], str | None] | None = None,
    runners: Callable[[], Collection[str]] | None = None,
) -> "ConfigFile":
    """Returns a gator.toml as far as it could be read, with its problems instead of raising them."""
    from gator.spec.files import config_file

    return config_file.load_config_partly(text, file, read, find_parser, runners)


def load_causes(text: bytes, *, file: str) -> "Sequence[CauseRule]":
    """Returns the rules for causes of a gator.toml. Raises SpecError with every problem of these rules.

    Everything else in the file is ignored, so no other file is read and nothing is started.
    """
    from gator.spec.files import config_file

    return config_file.load_causes(text, file)


def read_deferred(
    node: "spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray",
    deferred: "Iterable[DeferredKey]",
    fill: Callable[[str, bool], str],
) -> "Sequence[Problem]":
    """Reads keys of a node, whose values have placeholders, into its message; returns their problems.

    `fill` returns a string with its placeholders filled in, with True as literals of a pattern. It raises
    ValueError with why a name has no value.
    """
    from gator.spec.builders import deferred as reader

    return reader.read(node, deferred, fill)


_WRITTEN = ("Cores", "Job", "JobArray", "JobGroup", "License", "Memory", "SpecNode")


def __getattr__(name: str) -> object:
    if name in _WRITTEN:
        from gator.spec import written

        return getattr(written, name)
    if name == "ParserFile":
        from gator.spec.builders.recognition.parsers import ParserFile

        return ParserFile
    if name == "ConfigFile":
        from gator.spec.files.config_file import ConfigFile

        return ConfigFile
    raise AttributeError(name)
