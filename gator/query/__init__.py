"""Answers queries about one run through a `Reader` of its record.

Invariant: a reader may read a folder or the database of a hub; this package knows neither.
"""

from gator.query.more_rules import checked_rules
from gator.query.queries import Queries
from gator.query.reader import Reader

__all__ = ["Queries", "Reader", "checked_rules"]
