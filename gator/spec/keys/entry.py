"""One key of the spec language: what is known about it."""

from enum import Enum
from typing import Final

from msgspec import Struct

JOB: Final = "!Job"
GROUP: Final = "!JobGroup"
ARRAY: Final = "!JobArray"
KINDS: Final = (JOB, GROUP, ARRAY)


class Inheritance(Enum):
    """How the value of a node follows from its own and that of the level above."""

    NONE = "none"
    """The node has only its own value."""
    NEAREST = "nearest"
    """The value of the nearest level that has one, as a whole."""
    BY_NAME = "by name"
    """Entries are merged by name, the nearest level first."""
    UNION = "union"
    """The entries of all levels."""


class Key(Struct, frozen=True):
    """One key of a node or of a mapping within."""

    name: str
    nodes: tuple[str, ...]
    """Tags of the nodes that may have it."""
    type: str
    """Type of the value."""
    doc: str
    """Description for editors."""
    field: str = ""
    """Path of the field in the message of the node; empty if it is the name."""
    inherits: Inheritance = Inheritance.NONE
    words: tuple[str, ...] = ()
    """Words of other tools for this key, from which a mistyped key is recognised."""
    root_only: bool = False

    @property
    def path(self) -> tuple[str, str]:
        """The message within that of the node, empty for the node's own, and the name of its field."""
        message, _, attribute = (self.field or self.name).rpartition(".")
        return message, attribute
