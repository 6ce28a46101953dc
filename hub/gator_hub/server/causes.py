"""Changes of the rules and notes about causes. Each function is a call for the writer.

Invariant: only what a reader can apply is stored.
"""

from time import time_ns

import peewee as pw

from gator.core.text import cut, without_nul
from gator.errors import NotFoundError, PermissionDeniedError, PreconditionError, UsageError
from gator.spec.cause_names import name_problem
from gator.spec.patterns import pattern_problem
from gator.spec.suggestions import nearest
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import spec_pb2
from gator_hub.database.database import Database
from gator_hub.database.models import Model
from gator_hub.queries.known_causes import has_signature, known_rules

MAX_RULES = 1000
"""Maximum number of rules of a hub, because each failure is compared with all of them."""
MAX_NOTES = 100_000
"""Maximum number of notes and tickets of a hub."""
MAX_TEXT_CHARACTERS = 2000
MAX_RULE_BYTES = 8000


def check_rule(rule: spec_pb2.CauseRule) -> None:
    """Raises UsageError for a rule that cannot be applied."""
    if problem := name_problem(rule.name):
        raise UsageError(problem)
    if not (rule.match or rule.paths or rule.signatures):
        raise UsageError("a rule needs a pattern of the first error, a pattern of paths or a signature")
    if rule.match and (problem := pattern_problem(rule.match)):
        raise UsageError(f"match: {problem}")
    if rule.ByteSize() > MAX_RULE_BYTES:
        raise UsageError(f"the rule is {rule.ByteSize():,} bytes; the maximum is {MAX_RULE_BYTES:,}")


def check_note(note: hs.NoteCauseRequest) -> None:
    """Raises UsageError for a note without a cause, without or with too much text."""
    if not note.cause.strip() or not (note.text.strip() or note.ticket.strip()):
        raise UsageError("a note needs a cause, and text or a ticket")
    longest = max(map(len, (note.cause, note.text, note.ticket)))
    if longest > MAX_TEXT_CHARACTERS:
        raise UsageError(
            f"a part of the note is {longest:,} characters; the maximum is {MAX_TEXT_CHARACTERS:,}: "
            "split the note, or attach a ticket"
        )


def add_rule(database: Database, rule: spec_pb2.CauseRule, author: str) -> None:
    """Stores a rule after all others."""
    rules = database.models.cause_rules
    database.run(
        rules.insert(
            id=_next(
                database, rules, MAX_RULES, "rules, the maximum: remove some with `gator cause remove NAME`"
            ),
            name=without_nul(rule.name),
            rule=rule.SerializeToString(),
            author=author,
            time_unix_nanos=time_ns(),
        )
    )


def add_note(database: Database, note: hs.NoteCauseRequest, author: str) -> None:
    """Stores a note. Raises NotFoundError if the hub has no such cause."""
    notes = database.models.cause_notes
    cause = _known(database, without_nul(note.cause))
    database.run(
        notes.insert(
            id=_next(database, notes, MAX_NOTES, "notes, the maximum"),
            cause=cause,
            author=author,
            time_unix_nanos=time_ns(),
            text=without_nul(note.text),
            ticket=without_nul(note.ticket),
        )
    )


def _known(database: Database, name: str) -> str:
    """Returns the name or signature of a cause, which may be given by the ticket of its rule."""
    rules = known_rules(database)
    if any(rule.name == name for rule in rules) or has_signature(database, name):
        return name
    ticketed = [rule.name for rule in rules if rule.ticket == name]
    if ticketed:
        return ticketed[0]
    near = nearest(name, {named for rule in rules for named in (rule.name, rule.ticket) if named})
    hint = f"did you mean '{near}'?" if near else "see `gator failures --causes`"
    raise NotFoundError(f"the hub has no cause {cut(name, 100)!r}: {hint}")


def _next(database: Database, model: Model, maximum: int, what: str) -> int:
    last = pw.fn.coalesce(pw.fn.max(model.id), 0)
    ((number, count),) = database.run(model.select(last + 1, pw.fn.count(model.id))).fetchall()
    if count >= maximum:
        raise PreconditionError(f"the hub has {maximum:,} {what}")
    return number


def remove_rules(database: Database, name: str, caller: str, *, is_admin: bool) -> int:
    """Removes the rules with a name. Returns their number.

    Raises NotFoundError if there is none, PermissionDeniedError if all of them belong to other users.
    """
    rules = database.models.cause_rules
    authors = [author for (author,) in database.run(rules.select(rules.author).where(rules.name == name))]
    if not authors:
        raise NotFoundError(f"no rule is named {name!r}: run `gator cause list`")
    if not is_admin and caller not in authors:
        owners = " and ".join(sorted(set(authors)))
        raise PermissionDeniedError(
            f"the rules of {name!r} belong to {owners}: ask an author or an administrator"
        )
    mine = rules.delete().where(rules.name == name)
    return database.run(mine if is_admin else mine.where(rules.author == caller)).rowcount
