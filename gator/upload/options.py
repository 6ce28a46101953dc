"""The options of an upload."""

from msgspec import Struct


class UploadOptions(Struct, frozen=True):
    """The hub that a run is uploaded to."""

    address: str
    """Address of the hub as the user wrote it."""
    ca: str = ""
    """Absolute path of a file with trusted certificates; empty if none was named."""
    wait_seconds: float = 3.0
    """Maximum time that the end of the run waits for the hub."""
