"""Limits on one page of an answer."""

MAX_ENTRIES = 1000
"""Maximum and default number of entries per page."""
MAX_PAGE_BYTES = 1024 * 1024
"""Size at which a page ends, because many may be in flight at once."""


def page_size(requested: int) -> int:
    """Returns the number of entries of a page; 0 requests the maximum."""
    return min(requested or MAX_ENTRIES, MAX_ENTRIES)
