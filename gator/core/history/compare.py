"""Two runs, job by job: what failed newly, what was mended, what came and what went.

The rule: a job is known by its path below the root, so roots may have other names, and how
it changed follows from the two outcomes alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TypeAlias

from msgspec import Struct

from gator.core.outcomes import FAILURES
from gator.v1 import common_pb2, event_pb2, hub_pb2, hub_service_pb2, query_pb2

Outcome: TypeAlias = common_pb2.Outcome.ValueType
Change: TypeAlias = hub_pb2.Change.ValueType

UNINTERESTING = frozenset((hub_pb2.CHANGE_STILL_PASSING,))
"""What is left out where nothing else is asked for."""

_PASSED = common_pb2.OUTCOME_PASSED


class Changed(Struct, frozen=True):
    """How one job changed. `path` is below the root; empty for a run of a single job."""

    path: str
    change: Change


def below_root(path: str) -> str:
    """A node's path without the ident of the root; empty for the root."""
    return path.partition("/")[2]


def change_of(before: Outcome | None, after: Outcome | None) -> Change:
    """How a job changed; None stands for a job that was not there."""
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


def compare(before: Mapping[str, Outcome], after: Mapping[str, Outcome]) -> list[Changed]:
    """Returns all jobs of two runs by change, and within a change in the order in which they are given.

    Jobs of both runs come in the order of `after`. The keys are paths below the root.
    """
    # Most jobs of large runs passed both times: those are told apart without a look at the table of changes.
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


def count(changed: Iterable[Changed]) -> list[hub_service_pb2.ChangeCount]:
    """Number of jobs by change, for each change that there is."""
    jobs = Counter(one.change for one in changed)
    return [
        hub_service_pb2.ChangeCount(change=change, jobs=number) for change, number in sorted(jobs.items())
    ]


def difference(
    changed: Changed, before: hub_pb2.Side | None, after: hub_pb2.Side | None
) -> hub_pb2.Difference:
    """A job with what is known of it on either side; None where it was not there."""
    return hub_pb2.Difference(path=changed.path, change=changed.change, before=before, after=after)


def side_of(node: query_pb2.Node, metrics: Iterable[event_pb2.MetricTotal] = ()) -> hub_pb2.Side:
    """What came of a job in one run."""
    side = hub_pb2.Side(
        outcome=node.outcome,
        reason=node.reason,
        signature=node.signature,
        wall_nanos=node.usage.wall_nanos,
        metrics=metrics,
    )
    if node.HasField("first_error"):
        side.first_error.CopyFrom(node.first_error)
    return side
