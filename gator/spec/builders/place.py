"""The place of a node in the tree, on which the values of some keys depend."""

from collections.abc import Collection
from typing import NamedTuple

from yaml.nodes import Node

from gator.spec.builders.reading import Reading
from gator.spec.interpolation import wrong_names


class Place(NamedTuple):
    """The place of a node; `depth` is 0 for the root."""

    depth: int
    in_array: bool
    default_ident: str

    @property
    def is_root(self) -> bool:
        """Whether this is the root."""
        return self.depth == 0


def check_names(reading: Reading, node: Node, text: str, allowed: Collection[str], place: Place) -> None:
    """Reports each `${{ }}` in a text whose name is unknown here."""
    if "${{" not in text:
        return
    here = [name for name in allowed if place.in_array or name != "array"]
    for written, message in wrong_names(text, here):
        reading.problem_within(node, written, message)
