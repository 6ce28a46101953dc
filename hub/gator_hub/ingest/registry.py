"""The rows of `runs`: registers runs and checks which users may send their events.

Invariant: these functions are calls for the writer, each in its own transaction, and may be repeated.
"""

import json
from collections.abc import Mapping
from time import time_ns

import peewee as pw
from msgspec import Struct

from gator.core.history.series import key_of, normal
from gator.core.run_key import fits
from gator.core.text import without_nul
from gator.errors import PermissionDeniedError, PreconditionError, UnavailableError
from gator.v1 import attach_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.database.statements import indexed_label
from gator_hub.ingest.stores import Lane


class Registered(Struct, frozen=True):
    """A registered run: the number of its row, and the position of each store on each lane."""

    id: int
    positions: Mapping[Lane, Mapping[str, int]]
    replaced: int = 0
    """Number of the copy that the run replaced; 0 for none."""


def register(database: Database, hello: attach_pb2.Hello, owner: str) -> Registered:
    """Registers a run or finds it; `owner` is the user whose token was sent with it.

    The key proves a run: its row belongs to the first user who proved it. Without the key a row is a
    copy that belongs to its sender and is replaced by the run itself.

    Raises PermissionDeniedError if it belongs to another user, PreconditionError if another run has its id,
    UnavailableError while it is being removed.
    """
    runs = database.models.runs
    rows = database.run(
        runs.select(runs.id, runs.owner, runs.proven, runs.root_store, runs.deleted).where(
            runs.run == hello.run
        )
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
            "it is yours, is missing or cannot be read: restore it, or ask that user to run gator hub give"
        )
    if deleted:
        raise UnavailableError(f"the run {hello.run} is being removed: try again in a moment")
    if root_store != hello.store:
        raise PreconditionError(
            f"another run has the id {hello.run}: import the original folder, not a changed copy"
        )
    database.run(
        runs.update(connected=1, proven=int(proven or proves), last_seen_unix_nanos=time_ns()).where(
            runs.id == number
        )
    )
    return Registered(number, _positions(database, number))


def _replace_copy(database: Database, number: int) -> None:
    """Marks a copy for removal, so that the run itself can use its id at once."""
    # No run has an id of this form. The rows are deleted later, like those of every removed run.
    runs = database.models.runs
    database.run(runs.update(deleted=1, connected=0, pinned=0, run=f"copy-{number}").where(runs.id == number))


def detach(database: Database, run: str) -> None:
    """Marks the run with this id as not connected."""
    runs = database.models.runs
    database.run(
        runs.update(connected=0, last_seen_unix_nanos=time_ns()).where(runs.run == run, runs.connected == 1)
    )


def outcome_of(database: Database, number: int) -> int | None:
    """Returns the outcome of a run by the number of its row; None until its root has a Result here."""
    runs = database.models.runs
    rows = database.run(runs.select(runs.outcome).where(runs.id == number)).fetchall()
    return rows[0][0] if rows else None


def detach_all(database: Database) -> None:
    """Marks all runs as not connected, at the start of a hub."""
    runs = database.models.runs
    database.run(runs.update(connected=0).where(runs.connected == 1))


def _positions(database: Database, run: int) -> Mapping[Lane, Mapping[str, int]]:
    stores = database.models.stores
    rows = database.run(
        stores.select(stores.store, stores.states_seq, stores.bulk_seq).where(stores.run == run)
    ).fetchall()
    return {
        Lane.STATES: {store: states for store, states, _ in rows},
        Lane.BULK: {store: bulk for store, _, bulk in rows},
    }


def _lists(selection: query_pb2.Selection) -> dict[str, list[str]]:
    """Returns the non-empty lists of a selection in their normal form."""
    return {
        field.name: [without_nul(value) for value in values]
        for field, values in normal(selection).ListFields()
    }


def _insert(database: Database, hello: attach_pb2.Hello, owner: str) -> int:
    models = database.models
    last = pw.fn.coalesce(pw.fn.max(models.runs.id), 0)
    ((number,),) = database.run(models.runs.select(last + 1)).fetchall()
    run = hello.description.run
    now = time_ns()
    rules = attach_pb2.RunDescription(causes=hello.description.causes)
    values: dict[str, object] = {
        "id": number,
        "run": hello.run,
        "root_store": hello.store,
        "owner": owner,
        "proven": int(fits(hello.run_key, hello.run)),
        "ident": run.ident,
        "user_name": run.user,
        "host": run.host,
        "folder": run.folder,
        "version": run.version,
        "spec": run.spec,
        "seed": run.seed,
        "commit_hash": run.git.commit,
        "branch": run.git.branch,
        "dirty": int(run.git.dirty),
        "labels": json.dumps(dict(sorted(run.labels.items()))),
        "selection": json.dumps(_lists(run.selection)),
        "series": key_of(run.selection),
        "parent": run.parent,
        "started_unix_nanos": run.started_unix_nanos or now,
        "last_seen_unix_nanos": now,
        "connected": 1,
        "pinned": 0,
        "deleted": 0,
        "causes": rules.SerializeToString() if rules.causes else None,
    }
    database.run(models.runs.insert(values))
    described = hello.description.SerializeToString(deterministic=True)
    database.run(models.descriptions.insert(run=number, description=described))
    for name, value in dict(indexed_label(*pair) for pair in sorted(run.labels.items())).items():
        database.run(models.run_labels.insert(run=number, name=name, value=value))
    return number
