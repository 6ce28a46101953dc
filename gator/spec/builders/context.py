"""Reads a spec: collects problems and warnings, and resolves merges in mappings.

It knows nothing about the meaning of keys.
"""

import sys
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

from msgspec import structs
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.errors import Problem
from gator.spec.yaml.nodes import MAP, NULL, SEQ, STR
from gator.v1 import common_pb2

Read: TypeAlias = Callable[[str], bytes]
Run: TypeAlias = Callable[[Sequence[str], str], bytes]
"""Returns the output of a program that runs in a folder. Raises OSError and ValueError."""
ReadYaml: TypeAlias = Callable[[Node, str], Node | None]
"""Returns the root of the file that a node names, relative to the node's own file; None after a problem."""

_STANDARD = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")
)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BASE_VALUES = 200_000
_VALUES_PER_CHARACTER = 4
"""The maximum number of values in a spec is `_BASE_VALUES` and this many per character of its files."""
_MAX_MERGE_DEPTH = 32


class TooLargeError(Exception):
    """Aliases and merges expand a document beyond the maximum number of values."""


class Pair(NamedTuple):
    """A key and its value."""

    key: ScalarNode
    value: Node


FindParser: TypeAlias = Callable[[str], str | None]
"""Returns the absolute path of a package's parser; None if there is none. Raises UserError."""


Runners: TypeAlias = Callable[[], Collection[str]]
"""Returns the names of all runners that jobs can have."""


def _no_parser(name: str) -> None:
    """Returns None, because this spec has access to no packages."""
    del name


def _no_file(node: Node, path: str) -> None:
    """Returns None, because this spec has no folder."""
    del node, path


class SpecContext:
    """Problems, warnings and source of one spec that is being read."""

    __slots__ = (
        "_left",
        "find_parser",
        "is_deferring",
        "is_filled",
        "problems",
        "read_yaml",
        "runners",
        "texts",
        "unknown_kinds",
        "warnings",
    )

    def __init__(
        self,
        find_parser: FindParser | None = None,
        runners: Runners | None = None,
        *,
        is_filled: bool = False,
    ) -> None:
        self.is_deferring = False
        """Whether strings with placeholders are left out without a problem, because the plan reads them."""
        self.is_filled = is_filled
        """Whether placeholders have been filled in, so that `${{` in a value is a string like any other."""
        self.read_yaml: ReadYaml = _no_file
        self.find_parser: FindParser = find_parser or _no_parser
        self.runners = runners
        """None if it is not known which runners there are, so that any name may be one."""
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.texts: dict[str, str] = {}
        """Source of the files, by name."""
        self.unknown_kinds = set[str]()
        """Kinds of names, such as `matrix`, that may have more names, because an include of them failed."""
        self._left = _BASE_VALUES

    def begin_python(self, file: str, text: str) -> None:
        """Adds a file of Python whose objects exist already, so that their number has no maximum."""
        self.texts.setdefault(file, text)
        self._left = sys.maxsize

    def begin(self, file: str, text: str) -> None:
        """Adds a file; its length raises the maximum number of values."""
        self.texts[file] = text
        self._left += _VALUES_PER_CHARACTER * len(text)

    def problem(self, node: Node, message: str) -> None:
        """Reports a problem with a node."""
        self.problems.append(_at(node, message))

    @contextmanager
    def naming(self, node: Node) -> Generator[None]:
        """Adds to each problem of the file that a node names, in this block, where it is named."""
        before = len(self.problems)
        yield
        place = _at(node, "")
        for number, problem in enumerate(self.problems[before:], before):
            if problem.file != place.file:
                message = f"{problem.message} (named at {place.file}:{place.line}:{place.column})"
                self.problems[number] = structs.replace(problem, message=message)

    def problem_within(self, node: Node, part: str, message: str) -> None:
        """Reports a problem with a part of a string, at its position within the lines of the node."""
        mark = node.start_mark
        lines = self.texts.get(mark.name, "").splitlines()
        for number in range(mark.line, min(node.end_mark.line + 1, len(lines))):
            column = lines[number].find(part, mark.column if number == mark.line else 0)
            if column >= 0:
                self.problems.append(Problem(mark.name, number + 1, column + 1, message))
                return
        self.problem(node, message)

    def warn(self, node: Node, message: str) -> None:
        """Reports a likely mistake that does not prevent the run."""
        self.warnings.append(_at(node, message))

    def source(self, node: Node) -> str:
        """Returns the first line of a node as written."""
        start, end = node.start_mark, node.end_mark
        lines = self.texts.get(start.name, "").splitlines()
        if start.line >= len(lines):
            return ""
        line = lines[start.line]
        return line[start.column : end.column if end.line == start.line else None].strip()

    def count_values(self, count: int) -> None:
        """Counts values that are about to be read; raises TooLargeError beyond the maximum."""
        self._left -= count + 1
        if self._left < 0:
            raise TooLargeError

    def pairs(self, node: MappingNode) -> dict[str, Pair]:
        """Returns the pairs of a mapping by key, with merges, without keys that start with `x-`."""
        return self._pairs(node, 0)

    def _pairs(self, node: MappingNode, depth: int) -> dict[str, Pair]:
        self.count_values(len(node.value))
        pairs: dict[str, Pair] = {}
        merges: list[Node] = []
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.problem(
                    key, "a key must be a string: quote it if it starts with a bracket, a brace or ?"
                )
                continue
            name: str = key.value
            if name == "<<" and not key.style:
                merges.append(value)
            elif name.startswith("x-"):
                self._ignore(value)
            elif name in pairs:
                first = pairs[name].key.start_mark.line + 1
                self.problem(key, f"the key '{name}' is given twice, first on line {first}")
            else:
                pairs[name] = Pair(key, value)
        for merge in merges:
            self._merge(merge, pairs, depth)
        return pairs

    def _merge(self, node: Node, pairs: dict[str, Pair], depth: int) -> None:
        if depth > _MAX_MERGE_DEPTH:
            self.problem(node, "this merge contains itself")
            return
        sources: list[Node] = items_of(node)
        for source in sources:
            if not isinstance(source, MappingNode):
                self.problem(source, "<< takes a mapping, such as *NAME, or a list of them")
                continue
            for name, pair in self._pairs(source, depth + 1).items():
                pairs.setdefault(name, pair)

    def _ignore(self, root: Node) -> None:
        """Reports forbidden tags in a value that is otherwise ignored."""
        for node in each_node(root):
            if node.tag.startswith("tag:yaml.org,2002:") and node.tag not in _STANDARD:
                self.problem(node, f"the tag {shown_tag(node)} is not allowed")

    def standard(self, node: Node, instead: str = "") -> bool:
        """Returns whether a node has no tag of its own; reports a problem otherwise."""
        tag: str = node.tag
        if tag in (STR, SEQ, MAP) or tag in _STANDARD:
            return True
        self.problem(
            node, f"the tag {shown_tag(node)} is not allowed{' here' if tag[0] == '!' else ''}{instead}"
        )
        return False


def each_node(root: Node) -> Iterator[Node]:
    """Yields a node and all nodes below it, each once."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, SequenceNode):
            stack.extend(node.value)
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                stack += (key, value)


def items_of(node: Node) -> list[Node]:
    """Returns the items of a list; a single value counts as a list of one."""
    return list(node.value) if isinstance(node, SequenceNode) else [node]


def is_null(node: Node) -> bool:
    """Returns whether a value is missing: nothing, `null` or `~`, without quotes."""
    if not isinstance(node, ScalarNode):
        return False
    return node.tag == NULL or (not node.style and node.tag == STR and node.value in _NULLS)


def shown_tag(node: Node) -> str:
    """Returns a tag as written: `!Job`, `!!python/name:x`."""
    tag: str = node.tag
    return f"!!{tag.removeprefix('tag:yaml.org,2002:')}" if tag.startswith("tag:yaml.org,2002:") else tag


def position(node: Node) -> common_pb2.SourcePosition:
    """Returns the position at which a node starts."""
    mark = node.start_mark
    return common_pb2.SourcePosition(file=mark.name, line=mark.line + 1, column=mark.column + 1)


def _at(node: Node, message: str) -> Problem:
    mark = node.start_mark
    return Problem(mark.name, mark.line + 1, mark.column + 1, message)
