"""The names that metrics may have."""

from typing import Final

MAX_NAME: Final = 128
"""Characters of a name; as many as an ident has."""
MAX_NAMES: Final = 1_000
"""Maximum number of metrics of a node, so that a Result stays of bounded size. If there are more names, the
first ones in alphabetical order are kept, which does not depend on the order in which they come."""
NAME_RULE: Final = f"its name must have 1 to {MAX_NAME} printable characters"


def is_metric_name(name: str) -> bool:
    """Returns whether this is a valid name of a metric."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()
