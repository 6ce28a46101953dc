"""Types of pages, shared by the readers of a record and the queries over it.

Invariant: a `PageKey` is JSON.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from gator.v1 import query_pb2

PageKey: TypeAlias = list[int | str]
"""Position at which a list of nodes continues; only the reader that made it interprets it."""

Over: TypeAlias = Callable[[], bool]
"""Returns whether a query has to return now with what it found."""


def never() -> bool:
    """Returns False, for a query without a time limit."""
    return False


class NodeList(Struct, frozen=True):
    """Nodes with their positions, and the position at which the list continues; None at the end."""

    nodes: Sequence[tuple[PageKey, query_pb2.Node]]
    next: PageKey | None


class JobAttempt(NamedTuple):
    """One attempt at a job, with the data needed to read its output. A search creates thousands of them."""

    sort_key: str
    path: str
    number: int
    store: str
    """Id of the store with its events."""
    ended_unix_nanos: int | None
    """None while it is running."""
    stdout_lines: int | None
    stderr_lines: int | None
    log_files: bytes | None
    """The LogFiles, serialised; None if there are none."""


class AttemptList(Struct, frozen=True):
    """Attempts at jobs, and the sort key after which to continue; None at the end."""

    attempts: Sequence[JobAttempt]
    next: str | None


class OpenGroup(NamedTuple):
    """A group or array that was declared and has not ended."""

    sort_key: str
    path: str
    template: str
