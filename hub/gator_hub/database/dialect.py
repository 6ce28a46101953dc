"""The kinds of databases that a hub can use."""

from enum import Enum


class Dialect(Enum):
    """A kind of database."""

    SQLITE = "sqlite"
    POSTGRES = "postgresql"
