"""Groups of outcomes, for all of Gator."""

from typing import Final

from gator.v1 import common_pb2

FAILURES: Final = frozenset((common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST))
"""Outcomes that count as a failure."""


def was_not_needed(outcome: common_pb2.Outcome.ValueType, reason: common_pb2.Reason.ValueType) -> bool:
    """Returns whether a node was pruned because no condition required it, which is neutral for its group."""
    return outcome == common_pb2.OUTCOME_PRUNED and reason == common_pb2.REASON_NOT_NEEDED
