"""The rows of the catalogue, and how a change joins what is there already.

The rule: joining does not depend on which store is read first, so a catalogue that is made again from the
stores has the same rows.
"""

from collections.abc import Collection
from typing import Annotated, Any

from msgspec import Struct

KEY = "key"
"""The column names the row."""
FIXED = "fixed"
"""The column follows from the key."""
NEWEST = "newest"
"""What was said last counts; only one store ever says something."""
LEAST = "least"
GREATEST = "greatest"


# Columns that may be None: nothing is said about them.
GreatestInt = Annotated[int | None, GREATEST]
LeastInt = Annotated[int | None, LEAST]
NewestBytes = Annotated[bytes | None, NEWEST]
NewestInt = Annotated[int | None, NEWEST]
NewestText = Annotated[str | None, NEWEST]


class NodeRow(Struct):
    """What is known of a node. `state` is a NodeState, times are nanoseconds since 1970 UTC.

    `sort` is the sort key of a declared node. `tags` and `licenses` are JSON, `tally` and
    `first_error` are serialised messages.
    """

    path: Annotated[str, KEY]
    parent: Annotated[str, FIXED]
    template: Annotated[str, FIXED]
    depth: Annotated[int, FIXED]
    state: Annotated[int, GREATEST]
    sort: NewestText = None
    kind: NewestInt = None
    children: NewestInt = None
    jobs: NewestInt = None
    cores: NewestInt = None
    memory_bytes: NewestInt = None
    licenses: NewestText = None
    weight: NewestInt = None
    seed: NewestInt = None
    allow_failure: NewestInt = None
    tags: NewestText = None
    declared_unix_nanos: LeastInt = None
    started_unix_nanos: LeastInt = None
    ended_unix_nanos: NewestInt = None
    outcome: NewestInt = None
    reason: NewestInt = None
    message: NewestText = None
    attempts: GreatestInt = None
    debug: NewestInt = None
    info: NewestInt = None
    warning: NewestInt = None
    error: NewestInt = None
    critical: NewestInt = None
    wall_nanos: NewestInt = None
    user_nanos: NewestInt = None
    system_nanos: NewestInt = None
    peak_memory_bytes: NewestInt = None
    peak_processes: NewestInt = None
    tally: NewestBytes = None
    first_error: NewestBytes = None
    first_failure: NewestText = None
    first_failure_unix_nanos: NewestInt = None
    signature: NewestText = None


class AttemptRow(Struct):
    """What is known of an attempt. `first_seq` and `last_seq` are places in the store `store`."""

    path: Annotated[str, KEY]
    number: Annotated[int, KEY]
    store: NewestText = None
    daemon: NewestText = None
    host: NewestText = None
    pid: NewestInt = None
    cores: NewestInt = None
    started_unix_nanos: LeastInt = None
    ended_unix_nanos: NewestInt = None
    outcome: NewestInt = None
    reason: NewestInt = None
    message: NewestText = None
    exit_code: NewestInt = None
    signal: NewestInt = None
    first_seq: LeastInt = None
    last_seq: GreatestInt = None
    debug: NewestInt = None
    info: NewestInt = None
    warning: NewestInt = None
    error: NewestInt = None
    critical: NewestInt = None
    wall_nanos: NewestInt = None
    user_nanos: NewestInt = None
    system_nanos: NewestInt = None
    peak_memory_bytes: NewestInt = None
    peak_processes: NewestInt = None
    stdout_lines: NewestInt = None
    stderr_lines: NewestInt = None
    dropped_bytes: NewestInt = None
    longest_silence_nanos: NewestInt = None
    first_error: NewestBytes = None
    signature: NewestText = None


class MetricRow(Struct):
    """The folded values of one metric of a node that has its Result."""

    path: Annotated[str, KEY]
    name: Annotated[str, KEY]
    value: Annotated[float, NEWEST]
    kind: Annotated[int, NEWEST]
    unit: Annotated[str, NEWEST]
    count: Annotated[int, NEWEST]


class PositionRow(Struct):
    """How far another store was taken into the catalogue."""

    store: Annotated[str, KEY]
    seq: Annotated[int, GREATEST]


Row = NodeRow | AttemptRow | MetricRow | PositionRow


def columns_of(row: type[Row]) -> list[str]:
    """Names of the columns in their order."""
    return list(row.__struct_fields__)


def rule_of(row: type[Row], column: str) -> str:
    """How a value of a column joins the one that is there."""
    return row.__annotations__[column].__metadata__[0]


def type_of(row: type[Row], column: str) -> str:
    """Name of the type of a column, without the None."""
    kind: Any = row.__annotations__[column].__origin__
    return kind.__name__ if isinstance(kind, type) else kind.__args__[0].__name__


def upsert_sql(
    table: str,
    row: type[Row],
    said: Collection[str],
    *,
    key: str = "",
    least: str = "min",
    greatest: str = "max",
) -> tuple[str, str]:
    """What stands before and after the VALUES of an INSERT that joins rows to those that are there.

    `said` are the columns that have values, in their order. `key` is one more column of the key, the first.
    `least` and `greatest` are the functions that the database has for the lesser and greater of two values.
    """
    functions = {LEAST: least, GREATEST: greatest}
    columns = {name: rule_of(row, name) for name in columns_of(row) if name in said}
    if key:
        columns = {key: KEY, **columns}
    keys = ", ".join(name for name, rule in columns.items() if rule == KEY)
    merged = ", ".join(
        f"{name} = {_merged(table, name, functions.get(rule, ''))}"
        for name, rule in columns.items()
        if rule not in (KEY, FIXED)
    )
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES",
        f"ON CONFLICT ({keys}) DO UPDATE SET {merged}",
    )


def _merged(table: str, column: str, function: str) -> str:
    new, old = f"excluded.{column}", f"{table}.{column}"
    return f"{function}({new}, coalesce({old}, {new}))" if function else new
