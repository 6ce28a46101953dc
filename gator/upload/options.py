"""Options of an upload."""

from msgspec import Struct


class UploadOptions(Struct, frozen=True):
    """Where a run is to be seen besides its folder."""

    address: str
    """Of the hub, as its user wrote it."""
    ca: str = ""
    """File with certificates to trust, absolute; empty when none was named."""
    wait_seconds: float = 3.0
    """How long the end of the run may wait for the hub."""
