"""Answers questions about a run over a `Reader` of it, be it a folder or a database. Knows no files."""

from gator.query.queries import Queries
from gator.query.reader import Reader

__all__ = ["Queries", "Reader"]
