"""Constructors of `Event` and the arithmetic of node paths. Knows no clock: times come by argument."""

import re
from collections.abc import Iterator
from typing import TypeAlias

from gator.v1 import attach_pb2, event_pb2

Payload: TypeAlias = (
    event_pb2.Declared
    | event_pb2.Started
    | event_pb2.LogEvent
    | event_pb2.Block
    | event_pb2.Metric
    | event_pb2.Sample
    | event_pb2.AttemptFinished
    | event_pb2.Result
)

KIND_OF_FIELD: dict[str, attach_pb2.EventKind.ValueType] = {
    "declared": attach_pb2.EVENT_KIND_DECLARED,
    "started": attach_pb2.EVENT_KIND_STARTED,
    "log": attach_pb2.EVENT_KIND_LOG,
    "block": attach_pb2.EVENT_KIND_BLOCK,
    "metric": attach_pb2.EVENT_KIND_METRIC,
    "sample": attach_pb2.EVENT_KIND_SAMPLE,
    "attempt_finished": attach_pb2.EVENT_KIND_ATTEMPT_FINISHED,
    "result": attach_pb2.EVENT_KIND_RESULT,
}
FIELD_OF_KIND = {kind: field for field, kind in KIND_OF_FIELD.items()}
GRADED_KINDS = (attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_BLOCK)
"""The kinds whose payload has a severity: the least severity of a filter concerns them alone."""

MAX_PATH_BYTES = 2000
"""No path has more bytes as UTF-8: every database has to take it, and what it is sorted by, into an index."""

LEVEL_SEPARATOR = "\x01"
"""Separator of the levels of a sort key."""

_INDEX = re.compile(r"\[[^\]/]*\]")
_NUMBER = re.compile(r"\[(\d+)\]")


def kind_of(event: event_pb2.Event) -> attach_pb2.EventKind.ValueType:
    """Kind of an event's payload; EVENT_KIND_UNSPECIFIED for one that this version does not know."""
    field = event.WhichOneof("payload")
    if field is None:
        return attach_pb2.EVENT_KIND_UNSPECIFIED
    return KIND_OF_FIELD[field]


def join(parent: str, ident: str, index: int | None = None) -> str:
    """Path of a child; `index` is that of a repeat."""
    name = ident if index is None else f"{ident}[{index}]"
    return f"{parent}/{name}" if parent else name


def parent_of(path: str) -> str:
    """Path of the node above; empty for the root."""
    return path.rpartition("/")[0]


def template_of(path: str) -> str:
    """Returns the path without the indices of repeats: `a/b[2]/c` becomes `a/b/c`."""
    return _INDEX.sub("", path) if "[" in path else path


def is_below(path: str, ancestor: str) -> bool:
    """Returns whether `path` is `ancestor` or stands below it."""
    return not ancestor or path == ancestor or path.startswith(ancestor + "/")


def ancestors(path: str) -> Iterator[str]:
    """Yields the paths above, nearest first, the root last."""
    while path := parent_of(path):
        yield path


def key_of_path(path: str) -> str:
    """Returns the sort key of a node whose place in the spec is unknown: by path, repeats by number."""
    if "[" in path:
        path = _NUMBER.sub(_padded, path)
    return path.replace("/", LEVEL_SEPARATOR)


def _padded(match: re.Match[str]) -> str:
    return f"[{match[1]:0>9}]"
