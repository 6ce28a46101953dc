"""Tokens: who may speak with a run, proven by the run's key. Does no I/O and draws no random numbers.

A token is HMAC-SHA256 over a role, and for a job over its path and attempt too. It says nothing by
itself: the holder names what it claims to be, and the check makes the same token again.
"""

import hmac
from enum import StrEnum

from gator import errors
from gator.v1 import attach_pb2

KEY_BYTES = 32


class Audience(StrEnum):
    """What a token is good for."""

    CONTROL = "control"
    """The user: to read the run and to stop it."""
    DAEMON = "daemon"
    """A daemon of the run: to attach as WRAPPERS, TIER or ROOT."""
    JOB = "job"
    """A job's own process: to attach as CLIENT of its own attempt."""


class Tokens:
    """Makes and checks the tokens of one run.

    `key` is random and secret, at least 16 bytes; `KEY_BYTES` are usual.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError("a key has at least 16 bytes")
        self._key = key

    def make(self, audience: Audience, path: str = "", attempt: int = 0) -> str:
        """The token as 64 hexadecimal digits."""
        # No path holds a NUL, so that the three parts cannot be shifted against each other.
        claim = f"gator.v1\0{audience.value}\0{path}\0{attempt}"
        return hmac.digest(self._key, claim.encode(), "sha256").hex()

    def check(self, token: str, audience: Audience, path: str = "", attempt: int = 0) -> None:
        """Raises UnauthenticatedError unless the token is the one for this claim; takes constant time."""
        expected = self.make(audience, path, attempt)
        if not hmac.compare_digest(token.encode(), expected.encode()):
            raise errors.UnauthenticatedError(
                f"the token is missing or not good for {describe(audience, path, attempt)}"
            )

    def check_hello(self, token: str, hello: attach_pb2.Hello) -> None:
        """Raises UnauthenticatedError unless the token is good for the role that a child claims."""
        if hello.role == attach_pb2.ROLE_CLIENT:
            self.check(token, Audience.JOB, hello.path, hello.attempt)
        else:
            self.check(token, Audience.DAEMON)


def describe(audience: Audience, path: str, attempt: int) -> str:
    """A claim in words, for messages."""
    return f"attempt {attempt} of {path}" if audience is Audience.JOB else f"role {audience.value}"
