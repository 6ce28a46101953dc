"""The composers in C and in Python give the same; which one is there depends on how PyYAML was built."""

from pathlib import Path

import pytest
from yaml.nodes import MappingNode, Node

from gator.errors import SpecError
from gator.spec.yaml.nodes import compose, decode

GOLDEN = sorted((Path(__file__).parents[3] / "golden" / "specs").glob("*.yaml"))

# The parser in Python goes on a little further here, and refuses what comes then.
WORDED_DIFFERENTLY = {"bracket_not_closed", "exclamation_mark_starts_a_text"}


def outline(node: Node) -> object:
    """Tags, texts and places of a node and all below."""
    place = (node.tag, node.start_mark.name, node.start_mark.line, node.start_mark.column)
    if isinstance(node.value, str):
        return place, node.value
    if isinstance(node, MappingNode):
        return place, [(outline(key), outline(value)) for key, value in node.value]
    return place, [outline(child) for child in node.value]


def composed(text: str, *, in_python: bool) -> object:
    try:
        node = compose(text, "x.yaml", in_python=in_python)
    except SpecError as error:
        return [problem.message for problem in error.problems]
    return node and outline(node)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_both_composers_find_the_same(path: Path) -> None:
    try:
        text = decode(path.read_bytes(), path.name)
    except SpecError:
        return  # refused before any composer sees it
    if "&a" in text and "*a" in text:
        return  # goes round in a circle, which an outline cannot
    in_c, in_python = (composed(text, in_python=way) for way in (False, True))
    if path.stem in WORDED_DIFFERENTLY:
        assert isinstance(in_python, list) and isinstance(in_c, list)
    else:
        assert in_python == in_c


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize("text", ["[" * 3000, "- " * 3000 + "x", "{a: " * 3000])
def test_text_that_is_nested_too_deep_is_refused(text: str, in_python: bool) -> None:
    with pytest.raises(SpecError, match="nested more than 200 levels deep"):
        compose(text, "x.yaml", in_python=in_python)
