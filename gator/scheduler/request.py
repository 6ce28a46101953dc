"""What a daemon is told when it is started. Travels on its stdin, never in argv: it holds the run's key."""

import json

from msgspec import Struct
from msgspec.structs import asdict


class DaemonOrder(Struct, frozen=True):
    """All a daemon needs to attach to its parent.

    `key` is the run's key as hexadecimal digits.
    """

    daemon: str
    role: str
    """`wrappers` or `tier`."""
    run: str
    folder: str
    """Folder of the run, absolute."""
    parent: str
    """Address of the parent's server."""
    token: str
    key: str
    store: str
    """Id of the store that the daemon will write, 32 hexadecimal digits."""

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "DaemonOrder":
        """Returns the order in a line of JSON."""
        return cls(**json.loads(line))
