"""Configures the allocator of glibc; other C libraries are left alone."""

import ctypes

# Numbers of mallopt(3), from malloc.h of glibc.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_TRIM_BYTES = 16 * 1024 * 1024
_MMAP_BYTES = 512 * 1024


def return_large() -> None:
    """Makes glibc return large blocks to the system when they are freed.

    By default glibc raises its threshold after the first large block, and after a few long lines or large
    messages a hub holds 1.5 times the memory that it uses.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        # Not glibc.
        return
    mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)
    mallopt(_TRIM_THRESHOLD, _TRIM_BYTES)
