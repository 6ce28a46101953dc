"""Writes the tree of a spec: tags, keys and children."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from gator.spec import keys
from gator.spec.dump.scalars import scalar
from gator.spec.dump.writers import WRITERS
from gator.v1 import spec_pb2

_Written: TypeAlias = spec_pb2.Job | spec_pb2.JobGroup | spec_pb2.JobArray


def dump(spec: spec_pb2.Spec) -> str:
    """Returns the spec as YAML; raises ValueError if it has no node."""
    return "\n".join(_node(spec, "", "")) + "\n"


def _node(spec: spec_pb2.Spec, first: str, rest: str) -> Iterator[str]:
    """Yields the lines of a node: its tag after `first`, its keys after `rest`."""
    written: _Written
    match spec.WhichOneof("node"):
        case "job":
            tag, written = keys.JOB, spec.job
        case "group":
            tag, written = keys.GROUP, spec.group
        case "array":
            tag, written = keys.ARRAY, spec.array
        case _:
            raise ValueError("a spec without a node cannot be written")
    yield f"{first}{tag}"
    for _, lines in written_keys(tag, written):
        for line in lines:
            yield rest + line if line else ""
    if not isinstance(written, spec_pb2.Job):
        yield f"{rest}jobs:{'' if written.jobs else ' []'}"
        for child in written.jobs:
            yield from _node(child, f"{rest}- ", f"{rest}  ")


def written_keys(tag: str, written: _Written) -> Iterator[tuple[str, Iterator[str]]]:
    """Yields the name of each key that a node has, and the lines of YAML with its value."""
    for key in keys.KEYS_OF[tag].values():
        within, attribute = key.path
        message: Any = getattr(written, within) if within else written
        if key.type == "repeats" and isinstance(written, spec_pb2.JobArray) and written.repeats_text:
            yield key.name, iter((f"repeats: {scalar(written.repeats_text)}",))
            continue
        if key.type != "nodes" and _is_set(message, attribute, key.type):
            yield key.name, WRITERS[key.type](key.name, getattr(message, attribute))


def _is_set(message: Any, attribute: str, type_name: str) -> bool:
    if message.DESCRIPTOR.fields_by_name[attribute].has_presence:
        return message.HasField(attribute)
    # An array with 0 repeats differs from one without the key.
    return bool(getattr(message, attribute)) or type_name == "repeats"
