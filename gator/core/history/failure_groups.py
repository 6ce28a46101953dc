"""Groups failures by cause, which is their signature.

Invariant: memory does not grow with the number of failures, only with that of causes.
"""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from gator.units import plural

FEW = 5
"""Up to this many failures are listed individually; more are grouped by cause."""
_MAX_EXAMPLES = 1000

Example = TypeVar("Example")


class FailedJob(NamedTuple):
    """A job that FAILED or was LOST."""

    path: str
    signature: str
    ended_unix_nanos: int
    former_signature: str = ""
    """The signature that another version recorded; empty if it is the same."""

    def is_named(self, name: str) -> bool:
        """Returns whether a signature of it begins with `name`."""
        return self.signature.startswith(name) or (name != "" and self.former_signature.startswith(name))


class FailureCount(Struct):
    """The number of failures with one signature; `path` is the one that ended first, then the least."""

    signature: str
    ended_unix_nanos: int
    path: str
    jobs: int = 0


def grouped(failed: Iterable[FailedJob]) -> list[FailureCount]:
    """Returns failures by signature: the most frequent first, then by the end of the first failure."""
    groups: dict[str, FailureCount] = {}
    for job in failed:
        group = groups.get(job.signature)
        if group is None:
            group = groups[job.signature] = FailureCount(job.signature, job.ended_unix_nanos, job.path)
        elif (job.ended_unix_nanos, job.path) < (group.ended_unix_nanos, group.path):
            group.ended_unix_nanos, group.path = job.ended_unix_nanos, job.path
        group.jobs += 1
    return sorted(groups.values(), key=lambda cause: (-cause.jobs, cause.ended_unix_nanos, cause.path))


class Cause(Struct, Generic[Example]):
    """Failures with one signature."""

    signature: str
    example: Example
    """The first failure."""
    count: int = 0


class Causes(Generic[Example]):
    """The causes of failures, with an example of each of the first 1,000."""

    __slots__ = ("_causes", "_others", "number")

    def __init__(self) -> None:
        self.number = 0
        """Number of failures."""
        self._causes: dict[str, Cause[Example]] = {}
        self._others: set[str] = set()

    def __len__(self) -> int:
        return len(self._causes) + len(self._others)

    def add(self, signature: str, example: Example) -> None:
        """Counts a failure."""
        self.number += 1
        cause = self._causes.get(signature)
        if cause is None:
            if len(self._causes) == _MAX_EXAMPLES:
                self._others.add(signature)
                return
            cause = self._causes[signature] = Cause(signature, example)
        cause.count += 1

    def headline(self) -> str:
        """Returns the numbers as `37 failures, 3 causes`."""
        return f"{plural(self.number, 'failure')}, {plural(len(self), 'cause')}"

    def by_frequency(self) -> list[Cause[Example]]:
        """Returns the causes with an example, most frequent first, then in the order of occurrence."""
        return sorted(self._causes.values(), key=lambda cause: -cause.count)
