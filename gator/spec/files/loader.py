"""Loads a spec: composes YAML with its includes, builds the message and collects problems."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from msgspec import Struct

from gator.errors import Problem, SpecError
from gator.runtime.loading import uncollected
from gator.spec.builders.context import FindParser, Read, Run, Runners, SpecContext, TooLargeError
from gator.spec.builders.include import Includes
from gator.spec.builders.nodes import build
from gator.spec.builders.scope import NodeScope
from gator.spec.idents import made_of
from gator.v1 import spec_pb2


class Loaded(Struct, frozen=True):
    """A spec that can be planned."""

    spec: spec_pb2.Spec
    warnings: tuple[Problem, ...]
    """Likely mistakes that do not prevent the run."""
    texts: Mapping[str, str]
    """Text of the spec and of every file it includes, by name."""
    problems: tuple[Problem, ...] = ()
    """The problems; if there are any, the spec is incomplete."""


def load(
    text: str | bytes,
    file: str,
    read: Read | None,
    find_parser: FindParser | None = None,
    run: Run | None = None,
    runners: Runners | None = None,
) -> Loaded:
    """Loads a spec as `gator.spec.load` describes."""
    loaded = load_partly(text, file, read, find_parser, run, runners)
    if loaded.problems:
        raise SpecError(loaded.problems, loaded.warnings)
    return loaded


def load_partly(
    text: str | bytes,
    file: str,
    read: Read | None,
    find_parser: FindParser | None = None,
    run: Run | None = None,
    runners: Runners | None = None,
) -> Loaded:
    """Loads a spec as `gator.spec.load_partly` describes."""
    context = SpecContext(find_parser, runners)
    with uncollected():
        spec = _read(context, Includes(context, read, run), text, file)
    warnings = tuple(sorted(set(context.warnings)))
    return Loaded(spec, warnings, context.texts, tuple(sorted(set(context.problems))))


def _read(context: SpecContext, includes: Includes, text: str | bytes, file: str) -> spec_pb2.Spec:
    """Returns a spec as far as it could be read; its problems are in the context."""
    spec = spec_pb2.Spec()
    root = includes.compose(text, file)
    if root is not None:
        try:
            build(context, root, spec, NodeScope(0, False, made_of(PurePosixPath(file).stem)))
        except TooLargeError:
            context.problem(
                root, "aliases and merges expand this text beyond the limit: write it out, or use a !JobArray"
            )
    return spec
