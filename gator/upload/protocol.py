"""Messages between a root and its upload process: parameters, and changes of status.

Invariant: each is a line of JSON on a pipe and holds no token. Imports no grpc.
"""

import json
from enum import Enum

from msgspec import Struct
from msgspec.structs import asdict

END_LINE = b"end\n"
"""Line on stdin of the process after the run has ended: end as soon as the hub has everything."""


class UploadParameters(Struct, frozen=True):
    """The run to upload and the hub. Paths are absolute."""

    folder: str
    """Folder of the run."""
    log: str
    """File for errors of the process itself."""
    address: str
    """`HOST:PORT` of the hub as the user wrote it."""
    ca: str = ""
    """File with trusted certificates; empty if the environment names it or there is none."""

    def encode(self) -> bytes:
        """Returns one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "UploadParameters":
        """Returns the parameters in a line of JSON."""
        return cls(**json.loads(line))


class UploadState(Enum):
    """The state of an upload."""

    CONNECTED = "connected"
    AWAY = "away"
    """The hub is unreachable or acknowledges nothing; the upload dials again."""
    REFUSED = "refused"
    """The hub refuses this run from this user; final."""
    UNAUTHENTICATED = "unauthenticated"
    """The hub rejects the token, and with it all runs of the sender; final."""
    FAILED = "failed"
    """The record of the run cannot be read; final."""
    DONE = "done"
    """The run has ended and the hub has all of it; final."""


class UploadStatus(Struct, frozen=True):
    """A change of state, and its reason."""

    state: UploadState
    why: str = ""
    after_end: bool = False
    """Whether an unreachable hub was dialled after the end of the run."""

    def encode(self) -> bytes:
        """Returns one line of JSON."""
        return json.dumps({**asdict(self), "state": self.state.value}).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "UploadStatus":
        """Returns the status in a line of JSON. Raises ValueError if it is none."""
        fields = json.loads(line)
        return cls(UploadState(fields["state"]), fields["why"], fields["after_end"])
