"""What a root and its upload process say to each other: an order, and how things stand.

The rule: both are a line of JSON on a pipe, and neither holds a token. Imports no grpc.
"""

import json
from enum import Enum

from msgspec import Struct
from msgspec.structs import asdict

END_LINE = b"end\n"
"""On stdin of the process: the run is over, so end when everything is in the hub."""


class UploadOrder(Struct, frozen=True):
    """What to bring where. Paths are absolute."""

    folder: str
    """Folder of the run."""
    log: str
    """File for what goes wrong in the process itself."""
    address: str
    """`HOST:PORT` of the hub, as its user wrote it."""
    ca: str = ""
    """File with certificates to trust; empty when the environment names it, or there is none."""

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "UploadOrder":
        """The order in a line of JSON."""
        return cls(**json.loads(line))


class UploadState(Enum):
    """How an upload stands."""

    CONNECTED = "connected"
    AWAY = "away"
    """The hub cannot be reached, or takes nothing; it is tried again."""
    REFUSED = "refused"
    """The hub does not want this run from this user; nothing more is tried."""
    STRANGER = "stranger"
    """The hub does not know who sends it; nothing more is tried, and no other run would fare better."""
    FAILED = "failed"
    """The record of the run cannot be read; nothing more is tried."""
    DONE = "done"
    """The run is over and all of it is in the hub."""


class UploadStatus(Struct, frozen=True):
    """A change of how an upload stands, and why."""

    state: UploadState
    why: str = ""

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps({"state": self.state.value, "why": self.why}).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "UploadStatus":
        """The status in a line of JSON; raises ValueError when it is none."""
        fields = json.loads(line)
        return cls(UploadState(fields["state"]), fields["why"])
