"""Conditions of SELECTs over the tables of a store or of a hub.

Invariant: strings from a request or a file are values, never a part of the SQL.
"""

from collections.abc import Sequence

from gator.event_kinds import GRADED_KINDS

_GRADED = ", ".join(str(int(kind)) for kind in GRADED_KINDS)


class SqlCondition:
    """Conditions on rows joined by AND, with their values in order."""

    __slots__ = ("_parts", "values")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.values: list[object] = []

    @property
    def text(self) -> str:
        """The conditions as SQL."""
        return " AND ".join(self._parts) or "1 = 1"

    def add(self, part: str, *values: object) -> "SqlCondition":
        """Adds a condition."""
        self._parts.append(part)
        self.values += values
        return self

    def run(self, table: str, run: int) -> "SqlCondition":
        """Adds the condition that rows are of one run."""
        # The subquery makes PostgreSQL plan for a run of medium size. For a run that is newer than its
        # statistics it would expect no rows, and read all rows of the run for each of a few nodes.
        return self.add(f"{table}.run = (SELECT CAST(? AS BIGINT))", run)

    def one_of(self, column: str, values: Sequence[object]) -> "SqlCondition":
        """Adds the condition that a column has one of at least one value."""
        # Few different lengths make few different statements, which databases keep prepared.
        count = 1 << (len(values) - 1).bit_length()
        padded = [*values, *[values[-1]] * (count - len(values))]
        return self.add(f"{column} IN ({', '.join('?' * count)})", *padded)

    def like_any(self, column: str, patterns: Sequence[str]) -> "SqlCondition":
        """Adds the condition that a column matches one of at least one pattern of LIKE."""
        like = f"{column} LIKE ? ESCAPE '!'"
        return self.add(f"({' OR '.join([like] * len(patterns))})", *patterns)

    def numbers(self, column: str, values: Sequence[int]) -> "SqlCondition":
        """Adds the condition that a column has one of these numbers; without numbers all pass."""
        if not values:
            return self
        return self.add(f"{column} IN ({', '.join(str(int(number)) for number in values)})")

    def below(self, column: str, path: str) -> "SqlCondition":
        """Adds the condition that a column has the path of a node or of one below it."""
        # "0" is the character after "/", so the range has all paths that begin with `path` and a slash.
        return self.add(f"({column} = ? OR ({column} > ? AND {column} < ?))", path, path + "/", path + "0")

    def severity(self, severity: int) -> "SqlCondition":
        """Adds the minimum severity of log events and blocks; 0 for none. Other events have no severity."""
        if not severity:
            return self
        return self.add(f"(kind NOT IN ({_GRADED}) OR severity >= ?)", int(severity))
