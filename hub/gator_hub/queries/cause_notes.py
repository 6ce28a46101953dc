"""Reads what users have noted about causes, and the rules that they have added.

Invariant: a note about a signature of an earlier version belongs to all that the signature has become.
"""

from collections.abc import Mapping, Sequence

from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_pb2, spec_pb2
from gator_hub.database.database import Database


def notes_of(database: Database, causes: Sequence[str]) -> Mapping[str, Sequence[query_pb2.CauseNote]]:
    """Returns the notes about causes, which are given by their names or signatures, the oldest first."""
    notes, former = database.models.cause_notes, database.models.former_signatures
    if not database.rows(notes.select(notes.id).limit(1)):
        return {}
    named: dict[str, list[str]] = {cause: [cause] for cause in causes}
    for old, new in database.rows(
        former.select(former.former, former.signature).where(former.signature.in_(list(causes)))
    ):
        named.setdefault(old, []).append(new)
    query = notes.select(notes.cause, notes.author, notes.time_unix_nanos, notes.text, notes.ticket)
    by_cause: dict[str, list[query_pb2.CauseNote]] = {}
    for cause, *row in database.rows(query.where(notes.cause.in_(list(named))).order_by(notes.id)):
        for name in named[cause]:
            by_cause.setdefault(name, []).append(_note(row))
    return by_cause


def _note(row: Sequence[object]) -> query_pb2.CauseNote:
    author, time, text, ticket = row
    return query_pb2.CauseNote(
        author=str(author), time_unix_nanos=int(str(time)), text=str(text), ticket=str(ticket)
    )


def list_causes(database: Database) -> hs.ListCausesResponse:
    """Returns all rules and notes."""
    rules, notes = database.models.cause_rules, database.models.cause_notes
    response = hs.ListCausesResponse()
    for rule, author, time in database.rows(
        rules.select(rules.rule, rules.author, rules.time_unix_nanos).order_by(rules.id)
    ):
        response.rules.add(
            rule=spec_pb2.CauseRule.FromString(bytes(rule)), author=author, time_unix_nanos=time
        )
    query = notes.select(notes.cause, notes.author, notes.time_unix_nanos, notes.text, notes.ticket)
    for cause, *row in database.rows(query.order_by(notes.id)):
        response.notes.add(cause=cause, note=_note(row))
    return response
