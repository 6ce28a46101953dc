"""Groups failures by cause: the name that a rule gives to it, else their signature.

Invariant: memory does not grow with the number of failures, only with that of causes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from gator.units import plural
from gator.v1 import query_pb2

MAX_LISTED_FAILURES = 5
"""Up to this many failures are listed individually; more are grouped by cause."""
_MAX_EXAMPLES = 1000

Example = TypeVar("Example")


class FailedJob(NamedTuple):
    """A job that FAILED or was LOST, once for each of its causes."""

    path: str
    signature: str
    ended_unix_nanos: int
    former_signature: str = ""
    """The signature that another version recorded; empty if it is the same."""
    is_allowed: bool = False
    """Whether the failure does not fail the group above."""
    cause: str = ""
    """Name that a rule gives to the cause; empty if no rule does."""

    @property
    def key(self) -> str:
        """The cause: the name that a rule gives to it, else the signature."""
        return self.cause or self.signature

    def is_named(self, name: str) -> bool:
        """Returns whether this is its cause, or a signature of it begins with `name`."""
        if not name or name == self.cause:
            return True
        return any(each.startswith(name) for each in (self.signature, self.former_signature))


def cause_of(failure: query_pb2.Node | query_pb2.FailureGroup) -> str:
    """Returns the cause of a failure: the name that a rule gives to it, else the signature."""
    return failure.cause or failure.signature


class FailureCount(Struct):
    """The number of failures with one cause, and the first of them."""

    first: FailedJob
    """The one that ended first, then the least path; one that is not allowed if there is one."""
    jobs: int = 0
    allowed: int = 0
    """Number of these jobs whose failure is allowed."""
    last: str = ""
    """Path of the job that was counted last. The causes of a job follow each other."""

    @property
    def path(self) -> str:
        """Path of the first job."""
        return self.first.path

    @property
    def is_allowed(self) -> bool:
        """Whether all failures are allowed."""
        return self.jobs == self.allowed


def grouped(failed: Iterable[FailedJob]) -> list[FailureCount]:
    """Returns failures by cause, allowed ones last.

    Otherwise the most frequent come first, then those whose first failure ended first.
    """
    groups: dict[str, FailureCount] = {}
    for job in failed:
        group = groups.setdefault(job.key, FailureCount(job))
        if group.last == job.path:
            # Several tests of it have this cause.
            continue
        group.last = job.path
        if _order(job) < _order(group.first):
            group.first = job
        group.jobs += 1
        group.allowed += job.is_allowed
    return sorted(groups.values(), key=lambda group: (group.is_allowed, -group.jobs, _order(group.first)))


def number_of_jobs(failed: Iterable[FailedJob]) -> tuple[int, int]:
    """Returns the numbers of failed jobs and of those whose failure is allowed."""
    jobs = {job.path: job.is_allowed for job in failed}
    return len(jobs), sum(jobs.values())


def _order(job: FailedJob) -> tuple[bool, int, str]:
    return job.is_allowed, job.ended_unix_nanos, job.path


def headline(failures: int, causes: int, allowed: int = 0, *, earlier: str = "") -> str:
    """Returns `37 failures, 3 causes, 1 new since run 25cb5c26; 2 allowed failures`.

    `failures` and `causes` are without those that are allowed; `earlier` is the part about earlier runs,
    such as `, 1 new since run 25cb5c26`.
    """
    parts: list[str] = []
    if failures or not allowed:
        parts.append(f"{plural(failures, 'failure')}, {plural(causes, 'cause')}{earlier}")
    if allowed:
        parts.append(plural(allowed, "allowed failure"))
    return "; ".join(parts)


class Cause(Struct, Generic[Example]):
    """Failures with one cause."""

    key: str
    """The name that a rule gives to the cause, else the signature."""
    example: Example
    """The first failure."""
    count: int = 0


class Causes(Generic[Example]):
    """The causes of failures that are not allowed, with an example of each of the first 1,000."""

    __slots__ = ("_causes", "_others", "allowed", "number")

    def __init__(self) -> None:
        self.number = 0
        """Number of failures."""
        self.allowed = 0
        """Number of failures that are allowed, which are not among the others."""
        self._causes: dict[str, Cause[Example]] = {}
        self._others: set[str] = set()

    def __len__(self) -> int:
        return len(self._causes) + len(self._others)

    def add(self, examples: Mapping[str, Example]) -> None:
        """Counts a failure, given by its causes with an example of each."""
        self.number += 1
        for key, example in examples.items():
            cause = self._causes.get(key)
            if cause is None:
                if len(self._causes) == _MAX_EXAMPLES:
                    self._others.add(key)
                    continue
                cause = self._causes[key] = Cause(key, example)
            cause.count += 1

    def headline(self, earlier: str = "") -> str:
        """Returns the numbers as `37 failures, 3 causes`; `earlier` is as in `headline`."""
        return headline(self.number, len(self), self.allowed, earlier=earlier)

    def keys(self) -> Iterator[str]:
        """Yields the causes by their names or signatures."""
        yield from self._causes
        yield from self._others

    def by_frequency(self) -> list[Cause[Example]]:
        """Returns the causes with an example, most frequent first, then in the order of occurrence."""
        return sorted(self._causes.values(), key=lambda cause: -cause.count)
