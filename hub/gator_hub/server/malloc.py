"""Configures the allocator of glibc; other C libraries are left alone."""

import ctypes

# Numbers of mallopt(3), from malloc.h of glibc.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_TRIM_BYTES = 16 * 1024 * 1024
"""Free bytes at the end of the heap that glibc keeps. With fewer, each large answer grows the heap again."""
_MMAP_BYTES = 512 * 1024
"""Minimum bytes of a block with a mapping of its own: the maximum size of a block of output in an event."""


def return_freed_memory() -> None:
    """Makes glibc return large blocks to the system when they are freed.

    By default glibc raises its mmap threshold after the first large block is freed. After a few long lines or
    large messages a hub then holds 1.5 times the memory that it uses.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        # Not glibc.
        return
    mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)
    mallopt(_TRIM_THRESHOLD, _TRIM_BYTES)
