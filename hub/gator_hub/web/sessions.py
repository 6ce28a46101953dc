"""Sessions of browsers: a code that is good once, and the cookie that a browser gets for it.

Invariant: a session does not outlive the token with which it was made: each call passes the gate with it.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from msgspec import Struct

CODE_SECONDS: Final = 60.0
"""Seconds after which a code that was not used is no longer good."""
_SESSION_SECONDS: Final = 7 * 24 * 3600.0
"""Seconds after the last call of a session at which it ends."""
_MAX_ENTRIES: Final = 10_000
"""Maximum number of codes, and of sessions; the oldest ones end first."""
_BYTES: Final = 32


class _Entry(Struct):
    token: str
    until: float


class Sessions:
    """The codes and sessions of a hub, in memory: they end with the hub."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._codes: OrderedDict[str, _Entry] = OrderedDict()
        self._sessions: OrderedDict[str, _Entry] = OrderedDict()

    def create_code(self, token: str) -> str:
        """Returns a new code for the user with a token."""
        return self._add(self._codes, token, CODE_SECONDS)

    def redeem(self, code: str) -> str:
        """Returns the id of a new session for a code, which is then used up; empty for another code."""
        entry = self._codes.pop(code, None)
        if entry is None or entry.until < self._clock():
            return ""
        return self._add(self._sessions, entry.token, _SESSION_SECONDS)

    def token_of(self, session: str) -> str:
        """Returns the token of a session; empty if there is no such session."""
        entry = self._sessions.get(session)
        if entry is None or entry.until < self._clock():
            return ""
        entry.until = self._clock() + _SESSION_SECONDS
        return entry.token

    def end(self, session: str) -> None:
        """Ends a session."""
        self._sessions.pop(session, None)

    def _add(self, entries: OrderedDict[str, _Entry], token: str, seconds: float) -> str:
        name = secrets.token_urlsafe(_BYTES)
        entries[name] = _Entry(token, self._clock() + seconds)
        if len(entries) > _MAX_ENTRIES:
            entries.popitem(last=False)
        return name
