"""Says since when a cause is known: whether it is new in a run, came back, or was in the run before.

Invariant: the answer is the same from the folders of runs and from a hub.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct

from gator.v1 import common_pb2, query_pb2

NEW = query_pb2.CAUSE_STATE_NEW
BACK = query_pb2.CAUSE_STATE_BACK
KNOWN = query_pb2.CAUSE_STATE_KNOWN
_COMPLETE = (common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED)


class SeriesRun(Struct, frozen=True):
    """A run of a series."""

    sighting: query_pb2.Sighting
    is_complete: bool
    """Whether the absence of a failure means something: the run was neither stopped nor lost."""


def is_complete(outcome: int | None) -> bool:
    """Returns whether a run whose root has this outcome was neither stopped nor lost, and has ended."""
    return outcome in _COMPLETE


def add_sightings(
    group: query_pb2.FailureGroup,
    this: query_pb2.Sighting,
    series: Iterable[SeriesRun],
    seen: Collection[str],
) -> None:
    """Sets what a group says about the series of its run `this`, except for runs of other series.

    `series` has the runs of the series in any order, and `seen` the ids of those with the failure. A rerun is
    compared with the series of the run that it repeats.
    """
    others = sorted(
        (run for run in series if run.sighting.run != this.run),
        key=lambda run: (run.sighting.started_unix_nanos, run.sighting.run),
    )
    having = [run.sighting for run in others if run.sighting.run in seen]
    group.runs = len(having) + 1
    group.first.CopyFrom(min([*having[:1], this], key=_start))
    group.since.CopyFrom(this)
    group.state = NEW
    for run in reversed([run for run in others if _start(run.sighting) < _start(this)]):
        if run.sighting.run in seen:
            if not group.HasField("before"):
                group.before.CopyFrom(run.sighting)
            if group.HasField("good"):
                break
            group.since.CopyFrom(run.sighting)
        elif run.is_complete and not group.HasField("good"):
            group.good.CopyFrom(run.sighting)
    if group.HasField("before"):
        group.state = BACK if group.since == this else KNOWN


def _start(sighting: query_pb2.Sighting) -> int:
    return sighting.started_unix_nanos
