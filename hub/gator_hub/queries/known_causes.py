"""Finds the causes that a hub knows: by rules of users and of runs, and by signatures."""

from collections.abc import Sequence
from typing import Final

from gator.v1 import attach_pb2, spec_pb2
from gator_hub.database.database import Database

_MAX_RUNS: Final = 1000
"""Maximum number of runs, the newest, whose rules are read."""


def known_rules(database: Database) -> Sequence[spec_pb2.CauseRule]:
    """Returns the rules that users have added, and those of recent runs."""
    rules, runs = database.models.cause_rules, database.models.runs
    known = [
        spec_pb2.CauseRule.FromString(bytes(rule))
        for (rule,) in database.rows(rules.select(rules.rule).order_by(rules.id))
    ]
    recent = runs.select(runs.causes).where(runs.causes.is_null(False))
    # The runs of one spec have the same rules.
    blobs = {
        bytes(causes)
        for (causes,) in database.rows(recent.order_by(runs.started_unix_nanos.desc()).limit(_MAX_RUNS))
    }
    for blob in blobs:
        known += attach_pb2.RunDescription.FromString(blob).causes
    return known


def has_signature(database: Database, signature: str) -> bool:
    """Returns whether a failure has a signature, or had it in an earlier version."""
    nodes, former = database.models.nodes, database.models.former_signatures
    signed = nodes.select(nodes.own_signature).where(nodes.own_signature == signature)
    unsigned = nodes.select(nodes.signature).where(
        nodes.own_signature.is_null() & (nodes.signature == signature)
    )
    earlier = former.select(former.former).where(former.former == signature)
    tests = database.models.failed_tests
    of_tests = tests.select(tests.signature).where(tests.signature == signature)
    return any(database.rows(query.limit(1)) for query in (signed, of_tests, earlier, unsigned))
