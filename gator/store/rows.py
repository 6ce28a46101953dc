"""The rows of the catalogue, and how a change joins what is there already.

The rule: joining does not depend on which store is read first, so a catalogue that is made again from the
stores has the same rows.
"""

from collections.abc import Collection
from dataclasses import Field, dataclass, field, fields
from typing import Any

KEY = "key"
"""The column names the row."""
FIXED = "fixed"
"""The column follows from the key."""
NEWEST = "newest"
"""What was said last counts; only one store ever says something."""
LEAST = "least"
GREATEST = "greatest"


def _column(rule: str) -> Any:
    # None stands for "nothing is said about it".
    return field(default=None, metadata={"rule": rule})


def _key(rule: str) -> Any:
    return field(metadata={"rule": rule})


@dataclass(slots=True)
class NodeRow:
    """What is known of a node. `state` is a NodeState, times are nanoseconds since 1970 UTC.

    `sort` orders paths as a tree, with the indices of repeats as numbers. `tags` and `licenses` are JSON,
    `tally` and `first_error` are serialised messages.
    """

    path: str = _key(KEY)
    parent: str = _key(FIXED)
    template: str = _key(FIXED)
    sort: str = _key(FIXED)
    depth: int = _key(FIXED)
    state: int = _key(GREATEST)
    kind: int | None = _column(NEWEST)
    children: int | None = _column(NEWEST)
    jobs: int | None = _column(NEWEST)
    cores: int | None = _column(NEWEST)
    memory_bytes: int | None = _column(NEWEST)
    licenses: str | None = _column(NEWEST)
    weight: int | None = _column(NEWEST)
    seed: int | None = _column(NEWEST)
    allow_failure: int | None = _column(NEWEST)
    tags: str | None = _column(NEWEST)
    declared_unix_nanos: int | None = _column(LEAST)
    started_unix_nanos: int | None = _column(LEAST)
    ended_unix_nanos: int | None = _column(NEWEST)
    outcome: int | None = _column(NEWEST)
    reason: int | None = _column(NEWEST)
    message: str | None = _column(NEWEST)
    attempts: int | None = _column(GREATEST)
    debug: int | None = _column(NEWEST)
    info: int | None = _column(NEWEST)
    warning: int | None = _column(NEWEST)
    error: int | None = _column(NEWEST)
    critical: int | None = _column(NEWEST)
    wall_nanos: int | None = _column(NEWEST)
    user_nanos: int | None = _column(NEWEST)
    system_nanos: int | None = _column(NEWEST)
    peak_memory_bytes: int | None = _column(NEWEST)
    peak_processes: int | None = _column(NEWEST)
    tally: bytes | None = _column(NEWEST)
    first_error: bytes | None = _column(NEWEST)
    first_failure: str | None = _column(NEWEST)


@dataclass(slots=True)
class AttemptRow:
    """What is known of an attempt. `first_seq` and `last_seq` are places in the store `store`."""

    path: str = _key(KEY)
    number: int = _key(KEY)
    store: str | None = _column(NEWEST)
    daemon: str | None = _column(NEWEST)
    host: str | None = _column(NEWEST)
    pid: int | None = _column(NEWEST)
    cores: int | None = _column(NEWEST)
    started_unix_nanos: int | None = _column(LEAST)
    ended_unix_nanos: int | None = _column(NEWEST)
    outcome: int | None = _column(NEWEST)
    reason: int | None = _column(NEWEST)
    message: str | None = _column(NEWEST)
    exit_code: int | None = _column(NEWEST)
    signal: int | None = _column(NEWEST)
    first_seq: int | None = _column(LEAST)
    last_seq: int | None = _column(GREATEST)
    debug: int | None = _column(NEWEST)
    info: int | None = _column(NEWEST)
    warning: int | None = _column(NEWEST)
    error: int | None = _column(NEWEST)
    critical: int | None = _column(NEWEST)
    wall_nanos: int | None = _column(NEWEST)
    user_nanos: int | None = _column(NEWEST)
    system_nanos: int | None = _column(NEWEST)
    peak_memory_bytes: int | None = _column(NEWEST)
    peak_processes: int | None = _column(NEWEST)
    stdout_lines: int | None = _column(NEWEST)
    stderr_lines: int | None = _column(NEWEST)
    dropped_bytes: int | None = _column(NEWEST)
    first_error: bytes | None = _column(NEWEST)


@dataclass(slots=True)
class MetricRow:
    """The folded values of one metric of a node that has its Result."""

    path: str = _key(KEY)
    name: str = _key(KEY)
    value: float = _key(NEWEST)
    kind: int = _key(NEWEST)
    unit: str = _key(NEWEST)
    count: int = _key(NEWEST)


@dataclass(slots=True)
class PositionRow:
    """How far another store was taken into the catalogue."""

    store: str = _key(KEY)
    seq: int = _key(GREATEST)


Row = NodeRow | AttemptRow | MetricRow | PositionRow


def columns_of(row: type[Row]) -> list[str]:
    """Names of the columns in their order."""
    return [column.name for column in fields(row)]


def upsert_sql(table: str, row: type[Row], said: Collection[str]) -> tuple[str, str]:
    """What stands before and after the VALUES of an INSERT that joins rows to those that are there.

    `said` are the columns that have values, in their order.
    """
    columns = [column for column in fields(row) if column.name in said]
    names = ", ".join(column.name for column in columns)
    keys = ", ".join(column.name for column in columns if column.metadata["rule"] == KEY)
    merged = ", ".join(
        f"{column.name} = {_merged(table, column)}"
        for column in columns
        if column.metadata["rule"] not in (KEY, FIXED)
    )
    return (
        f"INSERT INTO {table} ({names}) VALUES",
        f"ON CONFLICT ({keys}) DO UPDATE SET {merged}",
    )


def _merged(table: str, column: "Field[Any]") -> str:
    new, old = f"excluded.{column.name}", f"{table}.{column.name}"
    match column.metadata["rule"]:
        case "least":
            return f"min({new}, coalesce({old}, {new}))"
        case "greatest":
            return f"max({new}, coalesce({old}, {new}))"
        case _:
            return new
