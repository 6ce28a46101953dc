"""Groups of outcomes, for all of Gator."""

from typing import Final

from gator.v1 import common_pb2, event_pb2, query_pb2

FAILURES: Final = frozenset((common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST))
"""Outcomes that count as a failure."""

WITHOUT_OUTPUT: Final = frozenset((common_pb2.REASON_NOT_STARTED, common_pb2.REASON_HOOK))
"""Reasons of failures of jobs whose own process was never started. Messages have the output of a hook."""

_LAST_OUTPUT_SHOWN: Final = frozenset(
    (common_pb2.REASON_TIMEOUT, common_pb2.REASON_SIGNAL, common_pb2.REASON_EXIT)
)
"""Reasons of failures that are explained by the last line of output if there is no error message."""


def wrote_nothing(reason: common_pb2.Reason.ValueType, *, has_error: bool) -> bool:
    """Returns whether a failed job had no output, as far as that is known from its Result."""
    return reason in _LAST_OUTPUT_SHOWN and not has_error


def explained_by_message(reason: common_pb2.Reason.ValueType, error: event_pb2.ErrorMessage) -> bool:
    """Returns whether messages that are not part of the output explain a failure.

    They come from hooks, test reports and the client.
    """
    return reason in WITHOUT_OUTPUT or bool(error.text and not error.line)


def decisive_attempt(outcome: common_pb2.Outcome.ValueType, jobs: event_pb2.Tally, attempts: int) -> int:
    """Returns the number of the attempt that the outcome of a job is from; 0 if none was started.

    It is the last one. With `flaky: fail`, a job whose last attempt passed has the outcome of the attempt
    before.
    """
    return attempts - 1 if outcome == common_pb2.OUTCOME_FAILED and jobs.flaky else attempts


def has_failed_itself(node: query_pb2.Node) -> bool:
    """Returns whether a failed node is a job, or a group whose own contract is broken."""
    return node.kind == common_pb2.NODE_KIND_JOB or node.first_failure == node.path


_NEUTRAL_PRUNES: Final = frozenset((common_pb2.REASON_NOT_NEEDED, common_pb2.REASON_NOT_SELECTED))


def was_not_needed(outcome: common_pb2.Outcome.ValueType, reason: common_pb2.Reason.ValueType) -> bool:
    """Returns whether a node was pruned without a failure, which is neutral for its group.

    No condition required it, or its `when` leaves it out.
    """
    return outcome == common_pb2.OUTCOME_PRUNED and reason in _NEUTRAL_PRUNES


def was_not_selected(outcome: common_pb2.Outcome.ValueType, reason: common_pb2.Reason.ValueType) -> bool:
    """Returns whether the `when` of a node leaves out this instance."""
    return outcome == common_pb2.OUTCOME_PRUNED and reason == common_pb2.REASON_NOT_SELECTED


def tally_size(tally: event_pb2.Tally) -> int:
    """Returns the number of jobs in a tally. Flaky jobs are counted by their outcomes too."""
    return sum(value for field, value in tally.ListFields() if field.name != "flaky")
