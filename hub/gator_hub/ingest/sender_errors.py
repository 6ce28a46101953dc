"""Converts errors of the database into errors for the sender of events."""

import sqlite3
from logging import getLogger

from gator.errors import GatorError, ProtocolError, StoreError, UnavailableError, UserError
from gator_hub.database.database import DAMAGED, DamagedError, cause_of, is_damaged, is_transient
from gator_hub.database.texts import MAX_QUOTED, one_line

# SQLSTATE classes of a value that does not fit into its column, and of a limit of the server.
_UNFIT = ("22", "54")

_log = getLogger("gator.hub")


def _is_unfit(error: BaseException) -> bool:
    """Returns whether the database will always refuse a value, such as a string too long for an index."""
    cause = cause_of(error)
    if isinstance(cause, OverflowError | sqlite3.DataError):
        return True
    # Errors that psycopg itself raises for a value have no SQLSTATE.
    state = getattr(cause, "sqlstate", None) or ("22" * (type(cause).__name__ == "DataError"))
    return str(state).startswith(_UNFIT)


def _is_numbered_twice(error: BaseException) -> bool:
    """Returns whether two events of a store have the same number, on different lanes."""
    cause = cause_of(error)
    refused = isinstance(cause, sqlite3.IntegrityError) or getattr(cause, "sqlstate", None) == "23505"
    return refused and ("events.place" in str(cause) or "events_pkey" in str(cause))


def error_for_sender(error: Exception) -> Exception:
    """Returns the error to send to the sender. Logs unexpected errors of the database."""
    if isinstance(error, GatorError | UserError):
        return error
    if is_transient(error):
        # The hub stops while its database is unavailable.
        return UnavailableError("the hub cannot write its database now: try again, or see its log")
    if _is_numbered_twice(error):
        return ProtocolError(
            "two events of a store have one number: import the original folder, not a changed copy"
        )
    text = one_line(error)
    if is_damaged(error):
        _log.error("the database %s (%s)", DAMAGED, text)
        return DamagedError()
    _log.error("the database rejected a statement: %s: %s", type(error).__name__, text)
    if _is_unfit(error):
        # ProtocolError, because sending the events again would fail again.
        return ProtocolError(
            f"the database of the hub cannot store all of the events: see the hub's log ({text[:MAX_QUOTED]})"
        )
    return StoreError("the database of the hub rejected the events: see the hub's log")
