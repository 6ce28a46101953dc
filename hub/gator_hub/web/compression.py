"""Compression of messages: gzip, or none."""

import gzip
import zlib
from typing import Final

GZIP: Final = "gzip"
IDENTITY: Final = "identity"
NAMES: Final = (GZIP, IDENTITY)
_MIN_BYTES: Final = 1024
"""Minimum size of a message to compress; smaller ones hardly become smaller."""
_LEVEL: Final = 1
"""Level of gzip. Level 6 takes three times as long and saves a tenth of the bytes of JSON."""
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


class TooLargeError(ValueError):
    """The data exceeds the maximum size."""


def accepts_gzip(header: str) -> bool:
    """Returns whether a list of accepted encodings has gzip."""
    for entry in header.lower().split(","):
        name, _, weight = (part.strip() for part in entry.partition(";"))
        if name == GZIP and weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            return True
    return False


def compress(data: bytes) -> bytes | None:
    """Returns the data compressed by gzip; None if that is not worth it."""
    return gzip.compress(data, _LEVEL, mtime=0) if len(data) >= _MIN_BYTES else None


def decompress(data: bytes, max_bytes: int) -> bytes:
    """Returns the content of gzip data. Raises ValueError, TooLargeError."""
    decompressor = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = decompressor.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise ValueError("the data is not gzip") from error
    if len(content) > max_bytes:
        raise TooLargeError
    if not decompressor.eof:
        raise ValueError("the gzip data is incomplete")
    return content
