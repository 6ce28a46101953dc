"""Answers queries about one run through a `Reader` of its record.

Invariant: a reader may read a folder or the database of a hub; this package knows neither.

Its names are imported late: a root serves queries, but most runs get none.
"""

from typing import TYPE_CHECKING

from gator.runtime.late import late_exports

if TYPE_CHECKING:
    from gator.query.more_rules import checked_rules
    from gator.query.queries import Queries
    from gator.query.reader import Reader

__all__ = ["Queries", "Reader", "checked_rules"]

__getattr__ = late_exports(
    __name__, {"Queries": "queries", "Reader": "reader", "checked_rules": "more_rules"}
)
