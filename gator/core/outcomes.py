"""Groups of outcomes, for all of Gator."""

from typing import Final

from gator.v1 import common_pb2 as pb

FAILURES: Final = frozenset((pb.OUTCOME_FAILED, pb.OUTCOME_LOST))
"""Outcomes that count as a failure."""


def was_not_needed(outcome: pb.Outcome.ValueType, reason: pb.Reason.ValueType) -> bool:
    """Returns whether a node was pruned because no condition required it, which is neutral for its group."""
    return outcome == pb.OUTCOME_PRUNED and reason == pb.REASON_NOT_NEEDED
