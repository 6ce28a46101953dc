"""Checks the contracts of a group or array on the metrics of its jobs."""

from collections.abc import Iterable

from gator.core.causes.signature import sign
from gator.core.metrics import broken_message, check_contracts
from gator.v1 import common_pb2, event_pb2, spec_pb2


def apply_contracts(
    result: event_pb2.Result,
    contracts: Iterable[spec_pb2.Contract],
    path: str,
    now: int,
    *,
    is_partial: bool = False,
) -> None:
    """Adds the outcomes of contracts to the Result of a group, which fails if it passed and one is broken.

    If only a part of its jobs was selected (`is_partial`), they are not compared, because they are about all.
    `now` is the time of its end in nanoseconds since 1970. The group itself is then the first failure,
    because no job below it failed.
    """
    totals = {total.name: total for total in result.metrics}
    problem = "only a part of its jobs was selected" if is_partial else ""
    results = check_contracts(contracts, totals.get, problem=problem)
    result.contracts.list.extend(results)
    message = broken_message(results)
    if not message or result.outcome != common_pb2.OUTCOME_PASSED:
        return
    result.outcome, result.reason = common_pb2.OUTCOME_FAILED, common_pb2.REASON_METRIC
    result.message = message
    result.first_failure, result.first_failure_unix_nanos = path, now
    sign(result)
