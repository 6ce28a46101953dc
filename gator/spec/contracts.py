"""The conditions of contracts on metrics, such as `>= 80`, `<= 3s` and `>= 0.95 * baseline`."""

import re
from typing import Final

from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2

FIGURES: Final = ("value", "count", "sum", "min", "max", "mean")
"""The figures of a metric, besides quantiles."""
EXAMPLES: Final = "'>= 80', '<= 3s' or '>= 0.95 * baseline'"
_COMPARISONS: Final = {
    ">=": spec_pb2.COMPARISON_AT_LEAST,
    "<=": spec_pb2.COMPARISON_AT_MOST,
    ">": spec_pb2.COMPARISON_GREATER,
    "<": spec_pb2.COMPARISON_LESS,
    "==": spec_pb2.COMPARISON_EQUAL,
    "!=": spec_pb2.COMPARISON_NOT_EQUAL,
}
# Patterns are compiled when the first contract needs them, because most specs have none.
_NUMBER: Final = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTILE: Final = r"p(\d{1,2}(?:\.\d{1,6})?|100)"
_OPERATOR: Final = r"(?s)\s*(>=|<=|==|!=|[<>](?!=))\s*(\S.*)"
_PLAIN: Final = rf"([+-]?{_NUMBER})\s*([^\d\s*+.-][^\s*]*)?"
_RELATIVE: Final = (
    rf"(?:({_NUMBER})\s*\*\s*)?baseline(?:\(\s*([^()]*[^()\s])\s*\))?(?:\s*\*\s*({_NUMBER}))?"
    rf"(?:\s*([+-])\s*({_NUMBER}))?"
)


class ContractError(ValueError):
    """A condition cannot be parsed; the message says why."""


def rank_of(figure: str) -> float | None:
    """Returns the rank of a quantile such as `p95`, from 0 to 1; None for another figure."""
    match = re.fullmatch(_QUANTILE, figure)
    return float(match[1]) / 100 if match is not None else None


def figure_problem(figure: str) -> str:
    """Returns why a metric has no such figure; empty if it has."""
    if figure in FIGURES or rank_of(figure) is not None:
        return ""
    near = did_you_mean(figure, FIGURES) or f": must be one of {', '.join(FIGURES)} and p0 to p100"
    return f"unknown figure '{figure}'{near}"


def contract_of(metric: str, figure: str, text: str) -> spec_pb2.Contract:
    """Returns the contract of a condition as written. Raises ContractError."""
    match = re.fullmatch(_OPERATOR, text)
    if match is None:
        raise ContractError(f"'{text}' is not a condition: write {EXAMPLES}")
    contract = spec_pb2.Contract(
        metric=metric, figure=figure, comparison=_COMPARISONS[match[1]], text=" ".join(text.split())
    )
    limit = match[2].rstrip()
    if (plain := re.fullmatch(_PLAIN, limit)) is not None and plain[2] != "baseline":
        contract.number, contract.unit = float(plain[1]), plain[2] or ""
        return contract
    relative = re.fullmatch(_RELATIVE, limit)
    if relative is None or (relative[1] and relative[3]):
        raise ContractError(f"'{limit}' is neither a number nor relative to a baseline: write {EXAMPLES}")
    contract.is_relative = True
    contract.number = float(relative[1] or relative[3] or 1)
    contract.run = relative[2] or ""
    contract.offset = float(f"{relative[4]}{relative[5]}") if relative[5] else 0
    return contract
