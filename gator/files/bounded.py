"""Reads files that a user names, up to a maximum size, because a device or a pipe may never end."""

import errno
from pathlib import Path
from typing import BinaryIO, Final

MAX_SETTING_BYTES: Final = 4 << 20
"""Maximum size of a file with a token, a password or certificates; bundles of the public CAs have 0.3 MB."""
_CHUNK_BYTES: Final = 1 << 20


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Returns the content of a file of any kind, such as a pipe.

    Raises OSError if it cannot be read or has more than `max_bytes`.
    """
    with path.open("rb") as file:
        return read_stream(file, max_bytes)


def read_stream(file: BinaryIO, max_bytes: int) -> bytes:
    """Returns the rest of a file. Raises OSError if it cannot be read or has more than `max_bytes`."""
    data = bytearray()
    while piece := file.read(_CHUNK_BYTES):
        data += piece
        if len(data) > max_bytes:
            raise OSError(errno.EFBIG, f"it has more than {max_bytes >> 20} MiB")
    return bytes(data)
