"""Where in the tree a node stands, as far as what may be written there depends on it."""

from collections.abc import Collection
from typing import NamedTuple

from yaml.nodes import Node

from gator.spec.builders.reading import Reading
from gator.spec.interpolation import wrong_names


class Place(NamedTuple):
    """Where a node stands; `depth` is 0 for the root."""

    depth: int
    in_array: bool
    default_ident: str

    @property
    def is_root(self) -> bool:
        """Whether this is the root."""
        return self.depth == 0


def check_names(reading: Reading, node: Node, text: str, allowed: Collection[str], place: Place) -> None:
    """A problem for each `${{ }}` in a text that holds nothing which is known here."""
    if "${{" not in text:
        return
    here = [name for name in allowed if place.in_array or name != "array"]
    for written, message in wrong_names(text, here):
        reading.problem_within(node, written, message)
