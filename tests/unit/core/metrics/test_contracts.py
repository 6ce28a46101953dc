"""Contracts on metrics, against numbers and earlier runs."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.metrics import Totals, broken_message, check_contracts
from gator.spec.contracts import ContractError, contract_of
from gator.v1 import event_pb2, spec_pb2

HELD = event_pb2.CONTRACT_STATE_HELD
BROKEN = event_pb2.CONTRACT_STATE_BROKEN
NOT_COMPARED = event_pb2.CONTRACT_STATE_NOT_COMPARED
RUN = "3a700579" + "0" * 24


def metrics(*values: float, unit: str = "") -> Callable[[str], event_pb2.MetricTotal | None]:
    totals = Totals()
    for value in values:
        totals.add(event_pb2.Metric(name="m", value=value, unit=unit, kind=event_pb2.METRIC_KIND_MAX))
    return totals.total


def check(
    condition: str,
    *values: float,
    unit: str = "",
    figure: str = "value",
    baseline: spec_pb2.Baseline | None = None,
) -> event_pb2.ContractResult:
    contract = contract_of("m", figure, condition)
    if baseline is not None:
        contract.baseline.CopyFrom(baseline)
    (result,) = check_contracts([contract], metrics(*values, unit=unit))
    return result


@pytest.mark.parametrize(
    ("condition", "held", "broken"),
    [
        (">= 80", 80, 79.5),
        ("<= 80", 80, 80.5),
        ("> 80", 81, 80),
        ("< -2.5", -3, -2.5),
        ("== 3", 3, 4),
        ("!= 3", 4, 3),
    ],
)
def test_a_value_is_compared_with_a_number(condition: str, held: float, broken: float) -> None:
    assert check(condition, held).state == HELD
    result = check(condition, broken, unit="%")
    assert result.state == BROKEN
    assert result.message == f"the metric m is {broken:g} % where {condition} is expected"


@pytest.mark.parametrize(
    ("figure", "value"),
    [("value", 4), ("count", 3), ("sum", 9), ("min", 2), ("max", 4), ("mean", 3), ("p0", 2), ("p100", 4)],
)
def test_each_figure_can_be_compared(figure: str, value: float) -> None:
    result = check("> 1000", 2, 4, 3, figure=figure)
    assert result.value == pytest.approx(value, rel=0.01)
    assert result.message.startswith(
        "the metric m is" if figure == "value" else f"{figure} of the metric m is"
    )


@pytest.mark.parametrize(
    ("condition", "value", "unit", "held"),
    [
        ("<= 3s", 2999, "ms", True),
        ("<= 3 s", 3001, "ms", False),
        ("< 1 MB", 999, "KB", True),
        (">= 80%", 80, "%", True),
        ("<= 3", 2, "ms", True),
    ],
)
def test_units_are_converted(condition: str, value: float, unit: str, held: bool) -> None:
    assert (check(condition, value, unit=unit).state == HELD) is held


@pytest.mark.parametrize(("unit", "said"), [("", "has no unit"), ("cycles", "is in cycles")])
def test_units_that_do_not_fit_break_a_contract(unit: str, said: str) -> None:
    result = check("<= 3s", 2, unit=unit)
    assert result.state == BROKEN
    assert result.message == f"the metric m {said} and cannot be compared with <= 3s: use the same unit"


def test_a_metric_that_never_came_breaks_a_contract() -> None:
    result = check(">= 80")
    assert result.state == BROKEN
    assert result.message == "the metric m was never reported, where >= 80 is expected"
    assert not result.HasField("value")


@pytest.mark.parametrize(
    ("condition", "limit"),
    [
        (">= baseline", 200),
        (">= 0.95 * baseline", 190),
        (">= baseline * 0.95", 190),
        (">= baseline - 5", 195),
        (">= 2 * baseline + 1.5", 401.5),
    ],
)
def test_a_limit_may_be_relative_to_an_earlier_run(condition: str, limit: float) -> None:
    baseline = spec_pb2.Baseline(run=RUN, value=200, unit="s")
    assert check(condition, limit, unit="s", baseline=baseline).state == HELD
    result = check(condition, 100, unit="s", baseline=baseline)
    assert (result.state, result.limit, result.baseline, result.baseline_run) == (BROKEN, limit, 200, RUN)
    assert result.message == (
        f"the metric m is 100 s where {condition} is expected, which is {limit:g} s: "
        "the baseline is 200 s in run 3a7005790000"
    )


def test_without_a_baseline_a_contract_is_not_compared_unless_one_is_required() -> None:
    result = check(">= baseline", 3, baseline=spec_pb2.Baseline(problem="the hub did not answer"))
    assert result.state == NOT_COMPARED
    assert result.message == "the metric m is not compared with >= baseline: the hub did not answer"
    required = spec_pb2.Baseline(problem="the hub did not answer", is_required=True)
    assert check(">= baseline", 3, baseline=required).state == BROKEN


def test_a_named_run_is_part_of_the_condition() -> None:
    contract = contract_of("m", "p95", "<=  1.1 *  baseline( nightly.20261101 )")
    assert (contract.run, contract.number, contract.is_relative) == ("nightly.20261101", 1.1, True)
    assert contract.text == "<= 1.1 * baseline( nightly.20261101 )"


def test_a_value_that_looks_like_its_limit_is_shown_with_all_digits() -> None:
    assert "is 79.99999999 where" in check(">= 80", 79.99999999).message


def test_of_several_broken_contracts_the_first_is_told() -> None:
    contracts = [contract_of("m", "value", text) for text in ("> 1", "> 5", "> 6", "> 7")]
    message = broken_message(check_contracts(contracts, metrics(3)))
    assert message == "the metric m is 3 where > 5 is expected; 2 more contracts are broken"


@given(st.text(max_size=20))
def test_any_other_text_is_an_error(text: str) -> None:
    try:
        contract = contract_of("m", "value", text)
    except ContractError:
        return
    assert contract.comparison
    assert contract_of("m", "value", contract.text) == contract
