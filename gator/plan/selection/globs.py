r"""Globs of paths: patterns on the command line that select nodes and their repeats.

A glob matches the end of a path: `*` stands for anything within a name, `**` for any number of names, a
leading `/` for the root, `run[3]` or `run.3` for one repeat, `\*` for a star. Works on the tree as written.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from gator.path_patterns import is_glob, unescape
from gator.plan.nodes import PlanNode
from gator.plan.tree import Tree, upwards
from gator.spec.idents import nfc

_SEGMENT = re.compile(r"([^\[\]]+?)(?:\[([^\[\]]+)\]|\.([0-9]+))?")
_PART = re.compile(r"\\[*\\]|\*+|\\|[^*\\]+")
_DOT = re.compile(r"\.(?!\d+(?:\.|$))")  # a dot between names, as in `top.counting.echo_count.2`


class Hit(Struct):
    """A node that a glob matches, and the repeats it names, by the order of the repeating node."""

    node: PlanNode
    repeats: dict[int, str]


def find(tree: Tree, pattern: str) -> list[Hit]:
    """Returns every node that a glob matches, in preorder."""
    pattern = nfc(pattern)
    hits = list(_matches(tree, pattern))
    if not hits and "/" not in pattern and "." in pattern:
        hits = list(_matches(tree, _DOT.sub("/", pattern)))
    return hits


def numbers(node: PlanNode, text: str) -> Iterator[int]:
    """Yields the repeats of a node that the text in brackets selects."""
    if node.matrix is not None:
        yield from node.matrix.search(text)
    elif text.isdecimal():
        if int(text) < (node.repeats or 0):
            yield int(text)
    elif not text.strip("0123456789*"):
        fits = _glob(text)
        yield from (index for index in range(node.repeats or 0) if fits(str(index)))


def _matches(tree: Tree, pattern: str) -> Iterator[Hit]:
    segments = [_Segment.parse(text) for text in pattern.strip("/").split("/")]
    if not pattern.startswith("/"):
        segments.insert(0, _ANY)
    for node in _candidates(tree, segments[-1]):
        repeats = _match(segments, list(reversed(list(upwards(node)))))
        if repeats is not None:
            yield Hit(node, repeats)


def _candidates(tree: Tree, last: "_Segment") -> Iterator[PlanNode]:
    if not last.names:
        return iter(tree.nodes)
    orders = {order for name in last.names for order in tree.by_ident.get(name, ())}
    return (tree.nodes[order] for order in sorted(orders))


class _Segment(Struct, frozen=True):
    """One name of a glob; `names` are the only idents that can match, unless it is a pattern."""

    whole: Callable[[str], bool]
    stem: Callable[[str], bool]
    repeat: str
    names: tuple[str, ...]
    across: bool = False

    @staticmethod
    def parse(text: str) -> "_Segment":
        if text == "**":
            return _ANY
        match = _SEGMENT.fullmatch(text)
        stem, repeat = (match[1], match[2] or match[3] or "") if match else (text, "")
        names = () if is_glob(stem) else (unescape(text), unescape(stem))
        return _Segment(_glob(text), _glob(stem), repeat, names)

    def match(self, node: PlanNode) -> str | None:
        """Returns the repeats, empty for all of them; None if the segment does not match this node."""
        if self.whole(node.ident):
            return ""
        if not self.repeat or node.repeats is None or not self.stem(node.ident):
            return None
        return self.repeat if next(numbers(node, self.repeat), None) is not None else None


def _glob(text: str) -> Callable[[str], bool]:
    if not is_glob(text):
        return unescape(text).__eq__
    parts = (".*" if part[0] == "*" else re.escape(unescape(part)) for part in _PART.findall(text))
    pattern = re.compile("".join(parts), re.DOTALL)
    return lambda ident: pattern.fullmatch(ident) is not None


_ANY = _Segment(_glob("*"), _glob("*"), "", (), across=True)


def _match(segments: Sequence[_Segment], path: Sequence[PlanNode]) -> dict[int, str] | None:
    """Returns the repeats that a glob names if it matches the whole path; else None."""
    if not segments:
        return None if path else {}
    first = segments[0]
    if first.across:
        tries = (_match(segments[1:], path[start:]) for start in range(len(path) + 1))
        return next((match for match in tries if match is not None), None)
    repeat = first.match(path[0]) if path else None
    if repeat is None:
        return None
    rest = _match(segments[1:], path[1:])
    return {path[0].order: repeat, **rest} if rest is not None and repeat else rest
