"""Reads, checks and names the spec of a command; each file has a maximum size."""

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from gator import spec as specs
from gator.cli.launch.config import Config
from gator.core.text import readable
from gator.errors import Problem, SpecError, UsageError
from gator.files.bounded import read_bounded, read_stream
from gator.runtime import loading
from gator.v1 import spec_pb2

RootNode: TypeAlias = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray

MAX_SPEC_BYTES: Final = 64 << 20
"""Maximum size of one file of a spec; loading takes about 80 times as much memory."""
_ADVICE: Final = ": use a !JobArray for jobs that differ by an index only"


class LoadedSpec(Struct, frozen=True):
    """A spec with what is known of its text."""

    spec: spec_pb2.Spec
    text: bytes
    name: str
    """As the user gave it."""
    folder: str
    """Where it lies, absolute."""
    warnings: tuple[Problem, ...]
    config: Config
    """The values of gator.toml files."""
    problems: tuple[Problem, ...] = ()
    """The problems; only filled by `load_partly`, which does not raise SpecError."""


def load_spec(name: str, ident: str | None, config: Config) -> LoadedSpec:
    """Reads and checks a spec; raises SpecError with all problems, UsageError when it cannot be read."""
    loaded = load_partly(name, ident, config)
    if loaded.problems:
        raise SpecError(loaded.problems, loaded.warnings)
    return loaded


def load_partly(name: str, ident: str | None, config: Config) -> LoadedSpec:
    """Reads a spec and collects its problems. Raises UsageError if the file cannot be read."""
    text = read_spec(name)
    shown, folder = ("stdin.yaml", Path.cwd()) if name == "-" else (name, Path(name).absolute().parent)
    for place in (shown, str(folder), str(Path.cwd())):
        if readable(os.fsencode(place)) != place:
            raise UsageError(f"cannot use {readable(os.fsencode(place))}: its name is not UTF-8: rename it")
    with loading.quickly():
        loaded = specs.load_partly(text, file=shown, read=read_included)
    if ident is not None:
        ident = specs.nfc(ident)
        if problem := specs.ident_problem(ident):
            raise UsageError(f"--id {ident}: {problem}; choose another name")
        if loaded.spec.WhichOneof("node"):
            root_of(loaded.spec).ident = ident
    problems = loaded.problems
    if problems:
        from gator.plan import unknown_references

        # Other problems of the plan may only follow from those of the text.
        problems = tuple(sorted({*problems, *unknown_references(loaded.spec)}))
    return LoadedSpec(loaded.spec, text, shown, str(folder), loaded.warnings, config, problems)


def root_of(spec: spec_pb2.Spec) -> RootNode:
    """Returns the root of a spec."""
    match spec.WhichOneof("node"):
        case "job":
            return spec.job
        case "group":
            return spec.group
        case _:
            return spec.array


def read_spec(name: str) -> bytes:
    """Returns the content of a spec, which may come from a pipe; `-` is stdin.

    Raises UsageError if it cannot be read or is larger than `MAX_SPEC_BYTES`.
    """
    path = Path(name)
    try:
        if name == "-":
            return read_stream(sys.stdin.buffer, MAX_SPEC_BYTES)
        return read_bounded(path, MAX_SPEC_BYTES)
    except OSError as error:
        hint = _near_file(path) if isinstance(error, FileNotFoundError) else _advice(error)
        shown = "on stdin" if name == "-" else name
        raise UsageError(f"cannot read the spec {shown}: {error.strerror}{hint}") from error


def read_included(name: str) -> bytes:
    """Returns the content of an included file. Raises OSError if it is no regular file or too large."""
    path = Path(name)
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        # A FIFO may have no writer.
        raise OSError(errno.EINVAL, "is not a regular file", name)
    try:
        return read_bounded(path, MAX_SPEC_BYTES)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}{_advice(error)}", name) from error


def _advice(error: OSError) -> str:
    return _ADVICE if error.errno == errno.EFBIG else ""


def _near_file(path: Path) -> str:
    """Returns a question for the spec beside a missing one that was most likely meant."""
    from gator.spec.suggestions import nearest

    try:
        there = sorted(one for one in path.parent.iterdir() if one.suffix in (".yaml", ".yml"))
    except OSError:
        return ""
    stem = nearest(path.stem, {one.stem for one in there})
    return next((f"; did you mean '{one}'?" for one in there if one.stem == stem), "")
