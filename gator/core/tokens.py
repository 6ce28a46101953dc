"""Tokens that authorise access to a run, derived from the secret key of the run.

A token is an HMAC-SHA256 over a role, and for a job also over its path and attempt. It contains no claim: its
holder states the claim, and the check computes the token again.
"""

import hmac
from enum import StrEnum

from gator import errors
from gator.v1 import attach_pb2

KEY_BYTES = 32


class Audience(StrEnum):
    """The kind of caller that a token is for."""

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
        """Returns the token as 64 hexadecimal digits."""
        # No path contains a NUL, so different claims never give the same text.
        claim = f"gator.v1\0{audience.value}\0{path}\0{attempt}"
        return hmac.digest(self._key, claim.encode(), "sha256").hex()

    def check(self, token: str, audience: Audience, path: str = "", attempt: int = 0) -> None:
        """Raises UnauthenticatedError unless the token fits this claim, in constant time."""
        expected = self.make(audience, path, attempt)
        if not hmac.compare_digest(token.encode(), expected.encode()):
            raise errors.UnauthenticatedError(
                f"the token is missing or not valid for {describe(audience, path, attempt)}"
            )

    def check_hello(self, token: str, hello: attach_pb2.Hello) -> None:
        """Raises UnauthenticatedError unless the token is good for the role that a child claims."""
        if hello.role == attach_pb2.ROLE_CLIENT:
            self.check(token, Audience.JOB, hello.path, hello.attempt)
        else:
            self.check(token, Audience.DAEMON)


def describe(audience: Audience, path: str, attempt: int) -> str:
    """Returns a claim for messages."""
    return f"attempt {attempt} of {path}" if audience is Audience.JOB else f"role {audience.value}"
