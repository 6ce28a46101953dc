"""Metrics combined over the time of an attempt and over the children of a node.

Invariant: combining is exact, so neither the order nor the number of levels between makes a difference.
"""

from gator.core.metrics.contracts import broken_message, check_contracts, figure_of
from gator.core.metrics.sketch import quantile_of
from gator.core.metrics.summary import DEFAULT_RANKS, summarise
from gator.core.metrics.totals import MAX_NAMES, Totals
from gator.spec.metric_names import MAX_NAME, NAME_RULE, is_metric_name

__all__ = [
    "DEFAULT_RANKS",
    "MAX_NAME",
    "MAX_NAMES",
    "NAME_RULE",
    "Totals",
    "broken_message",
    "check_contracts",
    "figure_of",
    "is_metric_name",
    "quantile_of",
    "summarise",
]
