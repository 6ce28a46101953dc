"""What glibc does with memory that the hub has given back. Rule: where it cannot be told, all goes on."""

import ctypes

# Numbers of mallopt(3), from malloc.h of glibc.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_TRIM_BYTES = 16 * 1024 * 1024
_MMAP_BYTES = 512 * 1024


def return_large() -> None:
    """Give large pieces back to the system at once.

    Else glibc learns from the first of them to keep the next ones, and after a few long lines or large
    messages a hub holds half as much again as it uses.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        # Another C library.
        return
    mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)
    mallopt(_TRIM_THRESHOLD, _TRIM_BYTES)
