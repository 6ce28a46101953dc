"""Finds failures that have no signature of this version of Gator.

Invariant: each query reads a bounded number of rows.
"""

from msgspec import Struct

from gator.core.causes.signature import VERSION
from gator.core.outcomes import FAILURES
from gator.store.catalogue.messages import NODE_NAMES, node_of
from gator.v1 import common_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.queries.run_rows import fields_of

_NODES = 50
"""Maximum number of failures that are returned at once."""
_JOB = int(common_pb2.NODE_KIND_JOB)


class Stale(Struct, frozen=True):
    """A failure as it was recorded."""

    own: str
    """Its signature in the version of an earlier hub; empty if no hub has signed it."""
    node: query_pb2.Node


def is_signed(database: Database) -> bool:
    """Returns whether all failures of the past have signatures of this version."""
    signing = database.models.signing
    return database.rows(signing.select(signing.version)) == [(VERSION,)]


def all_runs(database: Database) -> list[int]:
    """Returns the numbers of all runs, the newest first."""
    runs = database.models.runs
    newest_first = runs.started_unix_nanos.desc(), runs.id.desc()
    return [
        number
        for (number,) in database.rows(runs.select(runs.id).where(runs.deleted == 0).order_by(*newest_first))
    ]


def runs_to_sign(database: Database) -> list[int]:
    """Returns the numbers of runs with failures that have arrived unsigned.

    The output of a connected run may still be on its way, so its failures are signed later.
    """
    runs, nodes = database.models.runs, database.models.nodes
    unsigned = nodes.select(nodes.run).where(nodes.signature.is_null(False), nodes.own_signature.is_null())
    query = runs.select(runs.id).where(runs.id.in_(unsigned), runs.connected == 0, runs.deleted == 0)
    return [number for (number,) in database.rows(query.order_by(runs.id))]


def stale_failures(database: Database, run: int, after: str) -> list[Stale]:
    """Returns some failures of a run without a signature of this version, after a path."""
    nodes = database.models.nodes
    has_version = nodes.own_signature.startswith(f"{VERSION}-")
    query = (
        nodes.select(nodes.own_signature, *fields_of(nodes, NODE_NAMES))
        .where(nodes.run == run, nodes.kind == _JOB, nodes.outcome.in_(sorted(FAILURES)), nodes.path > after)
        .where(nodes.own_signature.is_null() | ~has_version)
        .order_by(nodes.path)
        .limit(_NODES)
    )
    return [Stale(own or "", node_of(row)) for own, *row in database.rows(query)]
