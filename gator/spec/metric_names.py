"""The names that metrics may have."""

from typing import Final

MAX_NAME: Final = 128
"""Characters of a name; as many as an ident has."""
NAME_RULE: Final = f"its name must have 1 to {MAX_NAME} printable characters"


def is_metric_name(name: str) -> bool:
    """Returns whether this is a valid name of a metric."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()
