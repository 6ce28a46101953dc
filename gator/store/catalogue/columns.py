"""Describes the tables of a store as plain data: the one place where a column is defined.

The DDL, the upserts, the SELECTs, the mapping from events and to messages, and the models of a hub
are made from these descriptions.

Invariant: how a column is merged does not depend on which store is read first, so a catalogue that
is made again from the stores has the same rows.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

INT = "int"
REAL = "real"
TEXT = "text"
BLOB = "blob"
FLAG = "flag"
"""A bool, stored as 0 or 1."""
JSON = "json"
"""A list of strings, or a map with sorted keys, stored as JSON."""
MESSAGE = "message"
"""A serialised protobuf message."""

KEY = "key"
"""The column is part of the primary key."""
FIXED = "fixed"
"""The column follows from the key and is never updated."""
NEWEST = "newest"
"""The last value counts; only one store ever has one."""
LEAST = "least"
GREATEST = "greatest"


class Column(Struct, frozen=True):
    """A column of a table.

    `source` is the field of an event that the value is copied from, as in `result.usage?.wall_nanos`.
    While a field with a `?` is unset, the event leaves the column as it is. A column without a source
    is set by `gator.store.catalogue.changes`, or by the owner of the table.

    `target` is the field of the message that is made from the row, as in `usage.wall_nanos`. A NULL
    leaves it unset.
    """

    name: str
    type: str
    rule: str = NEWEST
    source: str = ""
    target: str = ""
    required: bool = False
    """Whether the column is NOT NULL."""


class Index(Struct, frozen=True):
    """An index of a table. `columns` and `where` are SQL."""

    name: str
    columns: Sequence[str]
    where: str = ""


class Table(Struct, frozen=True):
    """A table with its indexes."""

    name: str
    columns: Sequence[Column]
    indexes: Sequence[Index] = ()
    unique: Sequence[str] = ()
    """Columns that are unique together, besides the key."""
    presence: Mapping[str, str] = {}
    """By field of a message within the target: the column that says, unless NULL, that it is set."""

    @property
    def names(self) -> list[str]:
        """The names of all columns, in order."""
        return [column.name for column in self.columns]

    @property
    def key(self) -> list[str]:
        """The names of the columns of the primary key."""
        return [column.name for column in self.columns if column.rule == KEY]


def _column(name: str, kind: str, source: str = "", target: str = "", rule: str = NEWEST) -> Column:
    return Column(name, kind, rule, source, target)


def required(name: str, kind: str, target: str = "", rule: str = NEWEST) -> Column:
    """Returns a column that has a value in each row."""
    return Column(name, kind, rule, target=target, required=True)


def _counts(source: str, target: str) -> list[Column]:
    return [
        _column(name, INT, f"{source}.{name}", f"{target}.{name}")
        for name in ("debug", "info", "warning", "error", "critical")
    ]


def _usage(source: str, target: str) -> list[Column]:
    return [
        *(
            _column(name, INT, f"{source}?.{name}", f"{target}.{name}")
            for name in ("wall_nanos", "user_nanos", "system_nanos")
        ),
        *(
            _column(name, INT, f"{source}?.{name}?", f"{target}.{name}")
            for name in ("peak_memory_bytes", "peak_processes")
        ),
    ]


STORE = Table(
    "store",
    [
        required("id", TEXT, rule=KEY),
        required("run", TEXT),
        required("daemon", TEXT),
        required("host", TEXT),
        Column("description", BLOB),
    ],
)
"""One row: what the store says of itself. `description` is the RunDescription, in a root's store."""

SUBJECTS = Table(
    "subjects",
    [required("id", INT, rule=KEY), required("path", TEXT), required("attempt", INT)],
    unique=["path", "attempt"],
)
"""A number for each node and attempt that events are about."""

EVENTS = Table(
    "events",
    [
        required("seq", INT, rule=KEY),
        required("subject", INT),
        required("kind", INT),
        required("severity", INT),
        required("time_unix_nanos", INT),
        required("body", BLOB),
    ],
    # Within one subject and kind the rows are in the order of seq, which is the rowid.
    indexes=[Index("events_by_subject", ["subject", "kind"])],
)

NODES = Table(
    "nodes",
    [
        required("path", TEXT, rule=KEY, target="path"),
        required("parent", TEXT, rule=FIXED),
        required("template", TEXT, rule=FIXED),
        required("depth", INT, rule=FIXED),
        required("state", INT, rule=GREATEST, target="state"),
        _column("sort", TEXT),
        _column("kind", INT, "declared.kind", "kind"),
        _column("children", INT, "declared.children", "children"),
        _column("jobs", INT, "declared.jobs"),
        _column("cores", INT, "declared.demand?.cores", "demand.cores"),
        _column("memory_bytes", INT, "declared.demand?.memory_bytes", "demand.memory_bytes"),
        _column("licenses", JSON, "declared.demand?.licenses?", "demand.licenses"),
        _column("weight", INT, "declared.priority"),
        _column("seed", INT, "declared.seed", "seed"),
        _column("allow_failure", FLAG, "declared.allow_failure", "allow_failure"),
        _column("tags", JSON, "declared.tags?", "tags"),
        _column("declared_unix_nanos", INT, rule=LEAST),
        _column("started_unix_nanos", INT, target="started_unix_nanos", rule=LEAST),
        _column("ended_unix_nanos", INT, target="ended_unix_nanos"),
        _column("outcome", INT, "result.outcome", "outcome"),
        _column("reason", INT, "result.reason", "reason"),
        _column("message", TEXT, "result.message", "message"),
        _column("attempts", INT, target="attempts", rule=GREATEST),
        *_counts("result.counts", "counts"),
        *_usage("result.usage", "usage"),
        _column("tally", MESSAGE, "result.jobs?", "tally"),
        _column("first_error", MESSAGE, "result.first_error?", "first_error"),
        _column("first_failure", TEXT, "result.first_failure", "first_failure"),
        _column(
            "first_failure_unix_nanos",
            INT,
            "result.first_failure_unix_nanos?",
            "first_failure_unix_nanos",
        ),
        _column("signature", TEXT, "result.signature?", "signature"),
        _column("failed_tests", MESSAGE, "result.failed_tests?", "failed_tests"),
        _column("contracts", MESSAGE, "result.contracts?", "contracts"),
        _column("invalid_commands", INT, "result.invalid_commands?", "invalid_commands"),
        _column("gator_warnings", INT, "result.gator_warnings?", "gator_warnings"),
    ],
    indexes=[
        Index("nodes_by_parent", ["parent", "declared_unix_nanos"]),
        Index("nodes_by_sort", ["sort"]),
        Index("nodes_by_state", ["kind", "state", "outcome"]),
    ],
    presence={"demand": "cores", "counts": "debug", "usage": "wall_nanos"},
)
"""The nodes, as `gator.v1.Node`. `state` is a NodeState, `sort` the sort key of a declared node."""

ATTEMPTS = Table(
    "attempts",
    [
        required("path", TEXT, rule=KEY),
        required("number", INT, rule=KEY, target="number"),
        _column("store", TEXT, target="store"),
        _column("daemon", TEXT, "started.daemon", "started.daemon"),
        _column("host", TEXT, "started.host", "started.host"),
        _column("pid", INT, "started.pid", "started.pid"),
        _column("cores", INT, "started.cores", "started.cores"),
        _column("started_unix_nanos", INT, target="started_unix_nanos", rule=LEAST),
        _column("ended_unix_nanos", INT, target="ended_unix_nanos"),
        _column("outcome", INT, "attempt_finished.outcome", "finished.outcome"),
        _column("reason", INT, "attempt_finished.reason", "finished.reason"),
        _column("message", TEXT, "attempt_finished.message", "finished.message"),
        _column("exit_code", INT, "attempt_finished.exit_code?", "finished.exit_code"),
        _column("signal", INT, "attempt_finished.signal?", "finished.signal"),
        _column("first_seq", INT, rule=LEAST),
        _column("last_seq", INT, rule=GREATEST),
        *_counts("attempt_finished.counts", "finished.counts"),
        *_usage("attempt_finished.usage", "finished.usage"),
        _column("stdout_lines", INT, "attempt_finished.stdout_lines", "finished.stdout_lines"),
        _column("stderr_lines", INT, "attempt_finished.stderr_lines", "finished.stderr_lines"),
        _column("dropped_bytes", INT, "attempt_finished.dropped_bytes", "finished.dropped_bytes"),
        _column(
            "longest_silence_nanos",
            INT,
            "attempt_finished.longest_silence_nanos",
            "finished.longest_silence_nanos",
        ),
        _column("first_error", MESSAGE, "attempt_finished.first_error?", "finished.first_error"),
        _column("signature", TEXT, "attempt_finished.signature?", "finished.signature"),
        _column("artefacts", MESSAGE, "attempt_finished.artefacts?", "finished.artefacts"),
        _column("progress", MESSAGE, target="progress"),
        _column("log_files", MESSAGE, "attempt_finished.log_files?", "finished.log_files"),
    ],
    presence={
        "started": "started_unix_nanos",
        "finished": "outcome",
        "finished.counts": "debug",
        "finished.usage": "wall_nanos",
    },
)
"""The attempts, as `gator.v1.Attempt`. `first_seq` and `last_seq` are places in the store `store`."""

METRICS = Table(
    "metrics",
    [
        required("path", TEXT, rule=KEY),
        required("name", TEXT, rule=KEY, target="name"),
        required("value", REAL, target="value"),
        required("kind", INT, target="kind"),
        required("unit", TEXT, target="unit"),
        required("count", INT, target="count"),
        required("min", REAL, target="min"),
        required("max", REAL, target="max"),
        _column("sum", REAL, target="sum"),
        _column("exact_sum", MESSAGE, target="exact_sum"),
        _column("exact_last", MESSAGE, target="exact_last"),
        _column("sketch", MESSAGE, target="sketch"),
    ],
)
"""The combined values of one metric of a node that has its Result, as `gator.v1.MetricTotal`."""

POSITIONS = Table("positions", [required("store", TEXT, rule=KEY), required("seq", INT, rule=GREATEST)])
"""How far each other store was taken into the catalogue."""

CATALOGUE = (NODES, ATTEMPTS, METRICS)
"""The tables that are derived from events and read as messages."""

TABLES = (STORE, SUBJECTS, EVENTS, *CATALOGUE, POSITIONS)
"""All tables of a store."""
