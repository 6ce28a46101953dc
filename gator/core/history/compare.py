"""Compares two runs job by job.

Invariant: a job is identified by its path below the root, so that roots may have different names, and its
change follows from the two outcomes alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TypeAlias

from msgspec import Struct

from gator.core.history import series
from gator.core.metrics import summarise
from gator.core.outcomes import FAILURES
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs

Outcome: TypeAlias = common_pb2.Outcome.ValueType
Change: TypeAlias = hub_pb2.Change.ValueType

UNINTERESTING = frozenset((hub_pb2.CHANGE_STILL_PASSING,))
"""Changes that are left out by default."""

_PASSED = common_pb2.OUTCOME_PASSED


class Changed(Struct, frozen=True):
    """How one job changed. `path` is below the root; empty for a run of a single job."""

    path: str
    change: Change


def below_root(path: str) -> str:
    """Returns a node's path without the ident of the root; empty for the root."""
    return path.partition("/")[2]


def change_of(before: Outcome | None, after: Outcome | None) -> Change:
    """Returns how a job changed; None stands for a missing job."""
    if before is None:
        return hub_pb2.CHANGE_NEW
    if after is None:
        return hub_pb2.CHANGE_GONE
    if after in FAILURES:
        return hub_pb2.CHANGE_STILL_FAILING if before in FAILURES else hub_pb2.CHANGE_NEWLY_FAILING
    if after == _PASSED and before in FAILURES:
        return hub_pb2.CHANGE_FIXED
    if after == _PASSED and before == _PASSED:
        return hub_pb2.CHANGE_STILL_PASSING
    return hub_pb2.CHANGE_OTHER


def unknown_changes(before: series.Described, after: series.Described) -> frozenset[Change]:
    """Returns the unknown changes, because one run did not select all jobs of the other."""
    unknown = set[Change]()
    if series.may_lack(after, before):
        unknown.add(hub_pb2.CHANGE_GONE)
    if series.may_lack(before, after):
        unknown.add(hub_pb2.CHANGE_NEW)
    return frozenset(unknown)


def compare(before: Mapping[str, Outcome], after: Mapping[str, Outcome]) -> list[Changed]:
    """Returns all jobs of two runs by change, and within a change in the order in which they are given.

    Jobs of both runs come in the order of `after`. The keys are paths below the root.
    """
    # Most jobs of large runs passed both times, so these are recognised without calling `change_of`.
    still = hub_pb2.CHANGE_STILL_PASSING
    changed = [
        Changed(
            path, still if outcome == _PASSED == before.get(path) else change_of(before.get(path), outcome)
        )
        for path, outcome in after.items()
    ]
    changed += [Changed(path, hub_pb2.CHANGE_GONE) for path in before if path not in after]
    changed.sort(key=attrgetter("change"))
    return changed


def count(changed: Iterable[Changed]) -> list[hs.ChangeCount]:
    """Returns the number of jobs by change, for each change that occurs."""
    jobs = Counter(entry.change for entry in changed)
    return [hs.ChangeCount(change=change, jobs=number) for change, number in sorted(jobs.items())]


def difference(
    changed: Changed, before: hub_pb2.Side | None, after: hub_pb2.Side | None
) -> hub_pb2.Difference:
    """Returns the difference of a job between both sides; None for the side where it is missing."""
    return hub_pb2.Difference(
        path=changed.path,
        change=changed.change,
        before=before,
        after=after,
        other_cause=before is not None
        and after is not None
        and changed.change == hub_pb2.CHANGE_STILL_FAILING
        and _have_other_causes(before, after),
    )


def _have_other_causes(before: hub_pb2.Side, after: hub_pb2.Side) -> bool:
    """Returns whether two failures of a job have different causes.

    Each run has rules of its own, so a name is only compared with another name.
    """
    if before.cause and after.cause:
        return before.cause != after.cause
    return before.signature != after.signature


def side_of(node: query_pb2.Node, metrics: Iterable[event_pb2.MetricTotal] = ()) -> hub_pb2.Side:
    """Returns the outcome of a job in one run."""
    side = hub_pb2.Side(
        outcome=node.outcome,
        reason=node.reason,
        signature=node.signature,
        cause=node.cause,
        wall_nanos=node.usage.wall_nanos,
        metrics=metrics,
    )
    summarise(side.metrics)
    if node.HasField("first_error"):
        side.first_error.CopyFrom(node.first_error)
    return side
