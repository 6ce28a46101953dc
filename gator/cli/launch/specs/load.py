"""Loads and names the spec of a command."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from gator import spec as specs
from gator.cli.installed_parsers import find_parser, runners
from gator.cli.launch.config import Config
from gator.cli.launch.spec_files import read_included, read_spec
from gator.core.text import readable
from gator.errors import Problem, SpecError, UsageError
from gator.runtime import loading
from gator.v1 import spec_pb2

RootNode: TypeAlias = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray


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
    is_stdin: bool = False
    """Whether it was read from stdin; its name is then made up."""
    problems: tuple[Problem, ...] = ()
    """The problems; only filled by `load_partly`, which does not raise SpecError."""


def load_spec(name: str, ident: str | None, config: Config) -> LoadedSpec:
    """Reads and checks a spec; raises SpecError with all problems, UsageError when it cannot be read."""
    loaded = load_partly(name, ident, config)
    if loaded.problems:
        raise SpecError(loaded.problems, loaded.warnings)
    return loaded


def check_config(name: str, ident: str | None, config: Config) -> None:
    """Raises SpecError with the problems of gator.toml files and of the spec, if any of the former."""
    if config.problems:
        load_spec(name, ident, config)


def load_partly(name: str, ident: str | None, config: Config) -> LoadedSpec:
    """Reads a spec and collects its problems. Raises UsageError if the file cannot be read."""
    text = read_spec(name)
    shown, folder = ("stdin.yaml", Path.cwd()) if name == "-" else (name, Path(name).absolute().parent)
    for path_text in (shown, str(folder), str(Path.cwd())):
        if readable(os.fsencode(path_text)) != path_text:
            raise UsageError(
                f"cannot use {readable(os.fsencode(path_text))}: its name is not UTF-8: rename it"
            )
    with loading.quickly():
        if text.startswith(specs.BUILT):
            loaded = specs.load_built(text, file=shown)
            folder = Path(root_of(loaded.spec).position.file).absolute().parent
        else:
            loaded = specs.load_partly(
                text,
                file=shown,
                read=read_included,
                find_parser=find_parser,
                run=_run_included,
                runners=runners,
            )
    if ident is not None:
        ident = specs.nfc(ident)
        if problem := specs.ident_problem(ident):
            raise UsageError(f"--id {ident}: {problem}: choose another name")
        if loaded.spec.WhichOneof("node"):
            root_of(loaded.spec).ident = ident
    problems = tuple(sorted({*config.problems, *loaded.problems}))
    if problems:
        from gator.plan import unknown_references

        # Other problems of the plan may only follow from those of the text.
        problems = tuple(sorted({*problems, *unknown_references(loaded.spec)}))
    return LoadedSpec(
        spec=loaded.spec,
        text=text,
        name=shown,
        folder=str(folder),
        warnings=loaded.warnings,
        config=config,
        is_stdin=name == "-",
        problems=problems,
    )


def _run_included(argv: Sequence[str], folder: str) -> bytes:
    # Few specs include the output of a program.
    from gator.cli.launch.specs.programs import run_included

    return run_included(argv, folder)


def root_of(spec: spec_pb2.Spec) -> RootNode:
    """Returns the root of a spec."""
    match spec.WhichOneof("node"):
        case "job":
            return spec.job
        case "group":
            return spec.group
        case _:
            return spec.array
