"""Which database the hub's record is in. Rule: knows nothing but the names."""

from enum import Enum


class Dialect(Enum):
    """Which database it is."""

    SQLITE = "sqlite"
    POSTGRES = "postgresql"
