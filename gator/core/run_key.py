"""The secret of a run and the id that follows from it: who has the key shows that the run is theirs.

Invariant: an id never tells the key, and tokens are made from another secret, so neither gives the other.
"""

from hashlib import sha256

KEY_BYTES = 32
ID_DIGITS = 32
"""Hexadecimal digits of an id: the first 128 bits of the SHA-256 of the key."""


def run_id_of(key: bytes) -> str:
    """Returns the id of the run that has this key."""
    return sha256(key).hexdigest()[:ID_DIGITS]


def fits(key: bytes, run: str) -> bool:
    """Returns whether a key is that of the run with this id."""
    return len(key) == KEY_BYTES and run_id_of(key) == run
