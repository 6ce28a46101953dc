"""The secret key of a run and the id derived from it: possession of the key proves ownership of the run.

Invariant: the key cannot be derived from the id, and tokens are made from an unrelated secret.
"""

from hashlib import sha256

KEY_BYTES = 32
ID_DIGITS = 32
"""Hexadecimal digits of an id: the first 128 bits of the SHA-256 of the key."""


def run_id_of(key: bytes) -> str:
    """Returns the id of the run that has this key."""
    return sha256(key).hexdigest()[:ID_DIGITS]


def fits(key: bytes, run: str) -> bool:
    """Returns whether a key matches the id of a run."""
    return len(key) == KEY_BYTES and run_id_of(key) == run
