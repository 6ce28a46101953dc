"""Determines since when a cause is known: whether it is new in a run, came back, or was in the run before.

Invariant: the answer is the same from the folders of runs and from a hub.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TypeAlias

from gator.v1 import common_pb2, query_pb2

NEW = query_pb2.CAUSE_STATE_NEW
BACK = query_pb2.CAUSE_STATE_BACK
KNOWN = query_pb2.CAUSE_STATE_KNOWN
RAN = (common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED)
"""Outcomes of jobs that ran to their end. Other jobs do not show whether a cause is absent."""

Ran: TypeAlias = Callable[[query_pb2.Sighting, query_pb2.Sighting | None], bool]
"""Returns whether the first job with a failure in the second run ran in the first run.

If there is no second run, it is the first job with the failure in the run that is described.
"""


Cleared: TypeAlias = Callable[[query_pb2.Sighting], query_pb2.Sighting | None]
"""Returns the last rerun of a run in which its failures with the cause passed; None unless all have."""


def add_sightings(
    group: query_pb2.FailureGroup,
    this: query_pb2.Sighting,
    series: Iterable[query_pb2.Sighting],
    having: Collection[str],
    ran: Ran,
    cleared: Cleared,
) -> None:
    """Sets what a group says about the series of its run `this`, except for runs of other series.

    `series` has the runs of the series in any order, and `having` the ids of those with the failure. For a
    rerun `this` is the run that it repeats, since a repeated failure is not a new sighting. An earlier run
    without the failure is good only if the job that had it before ran there. `ran` says so; it is called for
    the newest runs, until one is good. A rerun that `cleared` the failure of a run is good as well.
    """
    others = sorted((run for run in series if run.run != this.run), key=lambda run: (_start(run), run.run))
    with_failure = [run for run in others if run.run in having]
    group.runs = len(with_failure) + 1
    group.first.CopyFrom(min([*with_failure[:1], this], key=_start))
    group.since.CopyFrom(this)
    group.state = NEW
    earlier = [run for run in others if _start(run) < _start(this)]
    older = [run for run in earlier if run.run in having]
    for run in reversed(earlier):
        if run.run in having:
            older.pop()
            if not group.HasField("before"):
                group.before.CopyFrom(run)
            if group.HasField("good"):
                break
            if (rerun := cleared(run)) is not None:
                group.good.CopyFrom(rerun)
                break
            group.since.CopyFrom(run)
        elif not group.HasField("good") and ran(run, older[-1] if older else None):
            group.good.CopyFrom(run)
    if group.HasField("before"):
        group.state = BACK if group.since == this else KNOWN


def _start(sighting: query_pb2.Sighting) -> int:
    return sighting.started_unix_nanos
