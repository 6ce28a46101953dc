"""Checks contracts: conditions on metrics, against numbers or figures of earlier runs."""

from collections.abc import Callable, Iterable
from operator import eq, ge, gt, le, lt, ne
from typing import Final

from gator.core.metrics.sketch import quantile_of
from gator.spec.contracts import rank_of
from gator.units import converted
from gator.v1 import event_pb2, spec_pb2

_HELD: Final = event_pb2.CONTRACT_STATE_HELD
_BROKEN: Final = event_pb2.CONTRACT_STATE_BROKEN
_NOT_COMPARED: Final = event_pb2.CONTRACT_STATE_NOT_COMPARED
_COMPARE: Final[dict[int, Callable[[float, float], bool]]] = {
    spec_pb2.COMPARISON_AT_LEAST: ge,
    spec_pb2.COMPARISON_AT_MOST: le,
    spec_pb2.COMPARISON_GREATER: gt,
    spec_pb2.COMPARISON_LESS: lt,
    spec_pb2.COMPARISON_EQUAL: eq,
    spec_pb2.COMPARISON_NOT_EQUAL: ne,
}
_SHOWN_ID: Final = 12
"""Number of characters of the id of a run in a sentence, as commands accept it."""


def figure_of(total: event_pb2.MetricTotal, figure: str) -> float | None:
    """Returns a figure of a metric, such as `value` or `p95`; None if it is not known."""
    rank = rank_of(figure)
    if rank is not None:
        known = (quantile.value for quantile in total.quantiles if quantile.rank == rank)
        return next(known, None) if total.quantiles else quantile_of(total, rank)
    match figure:
        case "sum":
            return total.sum if total.HasField("sum") else None
        case "mean":
            return total.sum / total.count if total.HasField("sum") and total.count else None
        case "count" | "min" | "max":
            return float(getattr(total, figure))
        case _:
            return total.value


def check_contracts(
    contracts: Iterable[spec_pb2.Contract],
    total_of: Callable[[str], event_pb2.MetricTotal | None],
    *,
    problem: str = "",
) -> list[event_pb2.ContractResult]:
    """Returns the outcomes of contracts; `total_of` returns a metric by its name.

    Nothing is compared if there is a `problem` with the values, such as a part of the jobs that did not run.
    """
    return [_checked(contract, total_of(contract.metric), problem) for contract in contracts]


def broken_message(results: Iterable[event_pb2.ContractResult]) -> str:
    """Returns one sentence about the contracts that do not hold; empty if all do."""
    messages = [result.message for result in results if result.state == _BROKEN]
    if len(messages) < 2:
        return "".join(messages)
    number = len(messages) - 1
    return f"{messages[0]}; {number} more {'contracts are' if number > 1 else 'contract is'} broken"


def _checked(
    contract: spec_pb2.Contract, total: event_pb2.MetricTotal | None, problem: str
) -> event_pb2.ContractResult:
    result = event_pb2.ContractResult(
        metric=contract.metric, figure=contract.figure, condition=contract.text, state=_BROKEN
    )
    name = _name(contract)
    value = figure_of(total, contract.figure) if total is not None else None
    if problem:
        result.state = _NOT_COMPARED
        result.message = f"{name} is not compared with {contract.text}: {problem}"
        if total is not None and value is not None:
            result.value, result.unit = value, "" if contract.figure == "count" else total.unit
        return result
    if total is None or value is None:
        what = "was never reported" if total is None else "is not known"
        result.message = f"{name} {what}, where {contract.text} is expected"
        return result
    # A number of values has no unit.
    result.value, result.unit = value, "" if contract.figure == "count" else total.unit
    if contract.is_relative and not contract.baseline.run:
        if not contract.baseline.is_required:
            result.state = _NOT_COMPARED
        result.message = f"{name} is not compared with {contract.text}: {contract.baseline.problem}"
        return result
    _compare(contract, result, name)
    return result


def _compare(contract: spec_pb2.Contract, result: event_pb2.ContractResult, name: str) -> None:
    """Compares the value of a result with its limit."""
    baseline = contract.baseline
    limit, unit = contract.number, contract.unit
    if contract.is_relative:
        limit, unit = contract.number * baseline.value + contract.offset, baseline.unit
        result.baseline_run, result.baseline = baseline.run, baseline.value
    result.limit, result.limit_unit = limit, unit
    value = converted(result.value, result.unit, unit)
    shown = _amount(result.value, result.unit, limit)
    if value is None:
        own = f"is in {result.unit}" if result.unit else "has no unit"
        result.message = f"{name} {own} and cannot be compared with {contract.text}: use the same unit"
    elif _COMPARE[contract.comparison](value, limit):
        result.state = _HELD
    else:
        result.message = f"{name} is {shown} where {contract.text} is expected"
        if contract.is_relative:
            result.message += (
                f", which is {_amount(limit, unit)}: the baseline is {_amount(baseline.value, unit)} "
                f"in run {baseline.run[:_SHOWN_ID]}"
            )


def _name(contract: spec_pb2.Contract) -> str:
    figure = "" if contract.figure == "value" else f"{contract.figure} of "
    return f"the {figure}metric {contract.metric}" if not figure else f"{figure}the metric {contract.metric}"


def _amount(number: float, unit: str, other: float | None = None) -> str:
    """Returns a number with its unit, with all digits if it would look like another one."""
    text = _number(number)
    if other is not None and other != number and text == _number(other):
        text = repr(number)
    return f"{text} {unit}".rstrip()


def _number(number: float) -> str:
    return f"{number:,.0f}" if abs(number) < 1e15 and number == int(number) else f"{number:.6g}"
