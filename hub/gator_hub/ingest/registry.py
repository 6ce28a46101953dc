"""The rows of `runs`: how a run becomes known, and who may feed it.

Rule: these are calls for the writer, each in a transaction of its own, and may be repeated.
"""

import json
from collections.abc import Mapping
from time import time_ns

from msgspec import Struct

from gator.core.history.series import key_of, normal
from gator.core.run_key import fits
from gator.errors import PermissionDeniedError, PreconditionError, UnavailableError
from gator.v1 import attach_pb2, query_pb2
from gator_hub.database.database import Database, clean
from gator_hub.database.statements import label
from gator_hub.database.texts import marks
from gator_hub.ingest.writer import Lane


class Registered(Struct, frozen=True):
    """A run that may be fed: the number of its row, and how far each of its stores was taken."""

    id: int
    positions: Mapping[Lane, Mapping[str, int]]
    replaced: int = 0
    """Number of the copy that it replaced; 0 for none."""


def register(database: Database, hello: attach_pb2.Hello, owner: str) -> Registered:
    """Registers a run or finds it; `owner` is the user whose token was sent with it.

    The key proves a run: its row belongs to the first user who proved it. Without the key a row is a
    copy that belongs to its sender and is replaced by the run itself.

    Raises PermissionDeniedError if it belongs to another user, PreconditionError if another run has its id,
    UnavailableError while it is being removed.
    """
    rows = database.execute(
        "SELECT id, owner, proven, root_store, deleted FROM runs WHERE run = ?", (hello.run,)
    ).fetchall()
    proves = fits(hello.run_key, hello.run)
    if not rows:
        return Registered(_insert(database, hello, owner), {Lane.STATES: {}, Lane.BULK: {}})
    number, kept_owner, proven, root_store, deleted = rows[0]
    is_same = kept_owner == owner and root_store == hello.store
    if proves and not proven and (deleted or not is_same):
        _replace_copy(database, number)
        return Registered(_insert(database, hello, owner), {Lane.STATES: {}, Lane.BULK: {}}, number)
    if not proves and kept_owner != owner:
        raise PermissionDeniedError(
            f"the run {hello.run} belongs to another user of the hub, and run.key, which would prove that "
            "it is yours, is missing or cannot be read: restore it, or ask that user for gator hub give"
        )
    if deleted:
        raise UnavailableError(f"the run {hello.run} is being removed: try again in a moment")
    if root_store != hello.store:
        raise PreconditionError(
            f"another run has the id {hello.run}: import the original folder, not a changed copy"
        )
    database.execute(
        "UPDATE runs SET connected = 1, proven = ?, heard_unix_nanos = ? WHERE id = ?",
        (int(proven or proves), time_ns(), number),
    )
    return Registered(number, _positions(database, number))


def _replace_copy(database: Database, number: int) -> None:
    """Marks a copy for removal, so that the run itself can use its id at once."""
    # No run has an id of this form. The rows are deleted later, like those of every removed run.
    database.execute(
        "UPDATE runs SET deleted = 1, connected = 0, pinned = 0, run = ? WHERE id = ?",
        (f"copy-{number}", number),
    )


def detach(database: Database, run: str) -> None:
    """Nobody feeds the run with this id any more."""
    database.execute(
        "UPDATE runs SET connected = 0, heard_unix_nanos = ? WHERE run = ? AND connected = 1",
        (time_ns(), run),
    )


def outcome_of(database: Database, number: int) -> int | None:
    """What came of the run in a row, None as long as its root has no Result here."""
    rows = database.execute("SELECT outcome FROM runs WHERE id = ?", (number,)).fetchall()
    return rows[0][0] if rows else None


def detach_all(database: Database) -> None:
    """At the start of a hub: whoever was connected is not."""
    database.execute("UPDATE runs SET connected = 0 WHERE connected = 1")


def _positions(database: Database, run: int) -> Mapping[Lane, Mapping[str, int]]:
    rows = database.execute("SELECT store, states_seq, bulk_seq FROM stores WHERE run = ?", (run,)).fetchall()
    return {
        Lane.STATES: {store: states for store, states, _ in rows},
        Lane.BULK: {store: bulk for store, _, bulk in rows},
    }


def _lists(selection: query_pb2.Selection) -> dict[str, list[str]]:
    """Returns the non-empty lists of a selection in their normal form."""
    return {
        field.name: [clean(value) for value in values] for field, values in normal(selection).ListFields()
    }


def _insert(database: Database, hello: attach_pb2.Hello, owner: str) -> int:
    ((number,),) = database.execute("SELECT coalesce(max(id), 0) + 1 FROM runs").fetchall()
    run = hello.description.run
    now = time_ns()
    values: dict[str, object] = {
        "id": number,
        "run": hello.run,
        "root_store": hello.store,
        "owner": owner,
        "proven": int(fits(hello.run_key, hello.run)),
        "ident": clean(run.ident),
        "user_name": clean(run.user),
        "host": clean(run.host),
        "folder": clean(run.folder),
        "version": clean(run.version),
        "spec": clean(run.spec),
        "seed": run.seed,
        "commit_hash": clean(run.git.commit),
        "branch": clean(run.git.branch),
        "dirty": int(run.git.dirty),
        "labels": json.dumps(dict(sorted(run.labels.items()))),
        "selection": json.dumps(_lists(run.selection)),
        "series": key_of(run.selection),
        "parent": clean(run.parent),
        "started_unix_nanos": run.started_unix_nanos or now,
        "heard_unix_nanos": now,
        "connected": 1,
        "pinned": 0,
        "deleted": 0,
    }
    database.execute(
        f"INSERT INTO runs ({', '.join(values)}) VALUES ({marks(len(values))})",  # noqa: S608 - names of columns
        list(values.values()),
    )
    database.execute(
        "INSERT INTO descriptions (run, description) VALUES (?, ?)",
        (number, hello.description.SerializeToString(deterministic=True)),
    )
    for name, value in dict(label(*pair) for pair in sorted(run.labels.items())).items():
        database.execute("INSERT INTO run_labels (run, name, value) VALUES (?, ?, ?)", (number, name, value))
    return number
