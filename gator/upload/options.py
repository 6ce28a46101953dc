"""The options of an upload."""

from typing import Final

from msgspec import Struct

ARTEFACT_BYTES: Final = 1_000_000
"""Default of the maximum size of an artefact whose content is uploaded."""


class UploadOptions(Struct, frozen=True):
    """The hub that a run is uploaded to."""

    address: str
    """Address of the hub as the user wrote it."""
    ca: str = ""
    """Absolute path of a file with trusted certificates; empty if none was named."""
    artefact_bytes: int = ARTEFACT_BYTES
    """Maximum size of an artefact whose content is uploaded; 0 for none."""
    wait_seconds: float = 3.0
    """Maximum time that the end of the run waits for the hub."""
