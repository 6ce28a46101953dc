"""Describes the tables of a hub as plain data: its own, and those of a run's catalogue with a run column.

The models, the schema, the statements and the messages of a hub are made from these descriptions.
"""

from collections.abc import Sequence

from gator.store.catalogue import columns
from gator.store.catalogue.columns import (
    BLOB,
    FIXED,
    FLAG,
    INT,
    JSON,
    KEY,
    MESSAGE,
    REAL,
    TEXT,
    Column,
    Index,
    Table,
    required,
)

SEQ_BITS = 36
"""Number of bits of an event's place that hold its sequence number. The other bits hold its store."""


SQL_TYPES = {
    INT: "bigint",
    FLAG: "bigint",
    REAL: "double precision",
    TEXT: "text",
    JSON: "text",
    BLOB: "bytea",
    MESSAGE: "bytea",
}
"""Types of columns in PostgreSQL. SQLite takes any name."""


_RUN = required("run", INT, rule=KEY)
"""The number of the run, the first column of the key of each table of a catalogue."""


def _of_runs(table: Table, indexes: Sequence[Index] = (), own: Sequence[Column] = ()) -> Table:
    """Returns a table of a store for many runs, with columns that only a hub has."""
    return Table(table.name, [_RUN, *table.columns, *own], indexes, presence=table.presence)


RUNS = Table(
    "runs",
    [
        required("id", INT, rule=KEY),
        required("run", TEXT, "id"),
        required("root_store", TEXT),
        required("owner", TEXT, "owner"),
        required("proven", FLAG),
        required("ident", TEXT, "ident"),
        required("user_name", TEXT, "user"),
        required("host", TEXT, "host"),
        required("folder", TEXT, "folder"),
        required("version", TEXT, "version"),
        required("spec", TEXT, "spec"),
        required("seed", INT, "seed"),
        required("commit_hash", TEXT, "git.commit"),
        required("branch", TEXT, "git.branch"),
        required("dirty", FLAG, "git.dirty"),
        required("labels", JSON, "labels"),
        required("selection", JSON, "selection"),
        required("series", TEXT),
        required("parent", TEXT, "parent"),
        required("started_unix_nanos", INT, "started_unix_nanos"),
        Column("ended_unix_nanos", INT, target="ended_unix_nanos"),
        Column("outcome", INT),
        required("last_seen_unix_nanos", INT, "last_seen_unix_nanos"),
        required("connected", FLAG, "connected"),
        required("pinned", FLAG, "pinned"),
        required("deleted", FLAG),
        Column("causes", BLOB),
    ],
    indexes=[
        Index("runs_by_start", ["started_unix_nanos"]),
        Index("runs_by_ident", ["ident", "started_unix_nanos"]),
        Index("runs_by_parent", ["parent"]),
    ],
    unique=["run"],
    presence={"git": "commit_hash"},
)
"""The runs, as `gator.v1.Run`. `deleted` marks those that are being removed. `causes` is a RunDescription
with the rules of the run alone, NULL if it has none."""

DESCRIPTIONS = Table("descriptions", [_RUN, required("description", BLOB)])
"""The RunDescriptions. They are separate because a plan can be large, and the rows of runs change often."""

RUN_LABELS = Table(
    "run_labels",
    [_RUN, required("name", TEXT, rule=KEY), required("value", TEXT)],
    indexes=[Index("run_labels_by_value", ["name", "value"])],
)

STORES = Table(
    "stores",
    [
        required("id", INT, rule=KEY),
        required("run", INT, rule=FIXED),
        required("store", TEXT, rule=FIXED),
        required("states_seq", INT),
        required("bulk_seq", INT),
    ],
    unique=["run", "store"],
)
"""The stores of runs, with the position on each lane."""

SUBJECTS = Table(
    "subjects",
    [
        required("id", INT, rule=KEY),
        required("run", INT),
        required("path", TEXT),
        required("attempt", INT),
    ],
    unique=["run", "path", "attempt"],
)

EVENTS = Table(
    "events",
    [
        required("place", INT, rule=KEY),
        required("subject", INT),
        required("kind", INT),
        required("severity", INT),
        required("time_unix_nanos", INT),
        required("body", BLOB),
    ],
    indexes=[Index("events_by_subject", ["subject", "kind", "place"])],
)

OUTPUTS = Table(
    "outputs",
    [
        required("subject", INT, rule=KEY),
        required("size_bytes", INT),
        required("trimmed", FLAG),
    ],
    indexes=[Index("outputs_by_size", ["trimmed", "size_bytes"])],
)
"""Bytes of output of an attempt, before compression. `trimmed` once its middle was removed."""

NODES = _of_runs(
    columns.NODES,
    [
        Index("nodes_by_parent", ["run", "parent", "declared_unix_nanos"]),
        # Jobs below a node are counted from the index alone.
        Index("nodes_by_sort", ["run", "sort", "kind", "outcome"]),
        Index("nodes_by_declared", ["run", "declared_unix_nanos", "sort"]),
        Index("nodes_by_state", ["run", "kind", "state", "outcome"]),
        Index("nodes_by_path", ["path", "run"]),
        Index("nodes_by_cause", ["own_signature", "run"], "own_signature IS NOT NULL"),
        # Failures that arrived with a signature of another version.
        Index("nodes_to_sign", ["run"], "signature IS NOT NULL AND own_signature IS NULL"),
        # The expression is that of gator.store.catalogue.conditions. A node is added when it ends.
        Index(
            "nodes_by_duration",
            [
                "run",
                "(coalesce(-nullif(wall_nanos, 0), started_unix_nanos - ended_unix_nanos, 1))",
                "sort",
            ],
            "ended_unix_nanos IS NOT NULL",
        ),
    ],
    # The signature in the version of this hub. `signature` is the one that the run recorded.
    own=[Column("own_signature", TEXT)],
)
ATTEMPTS = _of_runs(columns.ATTEMPTS)
METRICS = _of_runs(columns.METRICS)

FAILED_TESTS = Table(
    "failed_tests",
    [_RUN, required("path", TEXT, rule=KEY), required("signature", TEXT, rule=KEY)],
    indexes=[Index("failed_tests_by_cause", ["signature", "run"])],
)
"""The signatures of jobs in which several tests failed, in the version of this hub."""

FORMER_SIGNATURES = Table(
    "former_signatures",
    [required("former", TEXT, rule=KEY), required("signature", TEXT, rule=KEY)],
)
"""Signatures of earlier versions, each with all signatures that its failures have now."""

CAUSE_RULES = Table(
    "cause_rules",
    [
        required("id", INT, rule=KEY),
        required("name", TEXT),
        required("rule", BLOB),
        required("author", TEXT),
        required("time_unix_nanos", INT),
    ],
)
"""The rules that users have added, in the order in which they apply."""

CAUSE_NOTES = Table(
    "cause_notes",
    [
        required("id", INT, rule=KEY),
        required("cause", TEXT),
        required("author", TEXT),
        required("time_unix_nanos", INT),
        required("text", TEXT),
        required("ticket", TEXT),
    ],
    indexes=[Index("cause_notes_by_cause", ["cause"])],
)
"""Notes and tickets about causes, which are given by their names or signatures."""

SIGNING = Table("signing", [required("version", TEXT)])
"""One row: the version of the signatures of all failures, those of the past included."""

SCHEMA_VERSION = Table("schema_version", [required("version", INT)])

TABLES = (
    SCHEMA_VERSION,
    RUNS,
    DESCRIPTIONS,
    RUN_LABELS,
    STORES,
    SUBJECTS,
    EVENTS,
    OUTPUTS,
    NODES,
    ATTEMPTS,
    METRICS,
    FAILED_TESTS,
    FORMER_SIGNATURES,
    CAUSE_RULES,
    CAUSE_NOTES,
    SIGNING,
)
"""All tables of a hub."""

ADDED = {
    2: frozenset(
        {
            "former_signatures",
            "signing",
            "cause_rules",
            "cause_notes",
            "runs.causes",
            "nodes.own_signature",
            "nodes.failed_tests",
            "failed_tests",
            "attempts.artefacts",
            "attempts.progress",
            "attempts.log_files",
            "nodes.contracts",
            "nodes.invalid_commands",
            "nodes.gator_warnings",
            "metrics.min",
            "metrics.max",
            "metrics.sum",
            "metrics.exact_sum",
            "metrics.exact_last",
            "metrics.sketch",
        }
    )
}
"""Tables and columns by the version of the schema that added them."""
DROPPED_INDEXES = {2: ("nodes_by_signature",)}
"""Indexes by the version of the schema that dropped them."""


def added_since(version: int) -> frozenset[str]:
    """Returns the tables and columns that databases of a version lack."""
    return frozenset[str]().union(*(names for added, names in ADDED.items() if added > version))
