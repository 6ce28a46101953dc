"""Checks specs that are built in Python, and keeps them in files that `gator run` reads as any other.

Invariant: such a file has only specs that were checked, with the positions of the calls that made them.
"""

from pathlib import PurePath

from google.protobuf.message import DecodeError

from gator.errors import SpecError, UsageError
from gator.spec import BUILT
from gator.spec.builders.context import FindParser, Runners, SpecContext
from gator.spec.builders.nodes import build
from gator.spec.builders.scope import NodeScope
from gator.spec.files.loader import Loaded
from gator.spec.idents import made_of
from gator.spec.written import SpecNode, source_of
from gator.v1 import spec_pb2


def load_written(
    root: SpecNode, find_parser: FindParser | None = None, runners: Runners | None = None
) -> Loaded:
    """Returns the spec of a root that was built in Python. Raises SpecError with every problem."""
    context = SpecContext(find_parser, runners)
    file, _ = root.place
    for name in {file, *_files(root)}:
        context.begin_python(name, source_of(name))
    spec = spec_pb2.Spec()
    build(context, root.to_yaml(), spec, NodeScope(0, False, made_of(PurePath(file).stem)))
    warnings = tuple(sorted(set(context.warnings)))
    if context.problems:
        raise SpecError(sorted(set(context.problems)), warnings)
    return Loaded(spec, warnings, {})


def _files(root: SpecNode) -> set[str]:
    files: set[str] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        files.add(node.place[0])
        waiting += [child for child in node.keys.get("jobs") or () if isinstance(child, SpecNode)]
    return files


def to_bytes(spec: spec_pb2.Spec) -> bytes:
    """Returns the content of a file with a spec."""
    return BUILT + spec.SerializeToString(deterministic=True)


def from_bytes(data: bytes, file: str) -> Loaded:
    """Returns the spec in the content of such a file. Raises UsageError if it is damaged."""
    try:
        spec = spec_pb2.Spec.FromString(data[len(BUILT) :])
    except DecodeError:
        spec = spec_pb2.Spec()
    if spec.WhichOneof("node") is None:
        raise UsageError(f"the spec {file} is damaged: run the script again that made it")
    return Loaded(spec, (), {})
