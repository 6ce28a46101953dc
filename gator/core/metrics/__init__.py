"""Metrics combined over the time of an attempt and over the children of a node.

Invariant: combining is exact, so neither the order nor the number of levels between makes a difference.

Its names are imported late, because many runs have no metrics.
"""

from typing import TYPE_CHECKING

from gator.runtime.late import late_exports

if TYPE_CHECKING:
    from gator.core.metrics.contracts import broken_message, check_contracts, figure_of
    from gator.core.metrics.sketch import quantile_of
    from gator.core.metrics.summary import DEFAULT_RANKS, summarise
    from gator.core.metrics.totals import Totals

__all__ = [
    "DEFAULT_RANKS",
    "Totals",
    "broken_message",
    "check_contracts",
    "figure_of",
    "quantile_of",
    "summarise",
]

__getattr__ = late_exports(
    __name__,
    {
        "DEFAULT_RANKS": "summary",
        "Totals": "totals",
        "broken_message": "contracts",
        "check_contracts": "contracts",
        "figure_of": "contracts",
        "quantile_of": "sketch",
        "summarise": "summary",
    },
)
