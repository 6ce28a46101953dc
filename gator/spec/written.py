"""Builds specs in Python: `Job`, `JobGroup` and `JobArray` with the keys of the spec language as arguments.

The arguments become the same nodes as YAML text, so the same code reads and checks them, with the place of
the call as their position.
"""

import inspect
import linecache
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from types import CodeType
from typing import Any, ClassVar, Final, cast

from yaml.error import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec.yaml.nodes import MAP, SEQ, STR

_PACKAGE: Final = str(PurePath(__file__).parents[1])
_positions: dict[CodeType, list[tuple[int | None, int | None, int | None, int | None]]] = {}


class _Written:
    """A node or resource, with the place of the call that made it."""

    tag: ClassVar[str] = MAP

    def __init__(self, value: object) -> None:
        self._marks = _caller()
        self._value = value

    def to_yaml(self) -> Node:
        """Returns the node that the text of the same object has."""
        return _node(self._value, self._marks, self.tag)

    def __repr__(self) -> str:
        return f"{self.tag} {self._value!r}"


class SpecNode(_Written):
    """A job, group or array. Compare `docs/spec.md`; a key with a dash or a keyword is given by a mapping."""

    def __init__(self, ident: str | None = None, /, **keys: Any) -> None:
        given = {name.removesuffix("_"): value for name, value in keys.items() if value is not None}
        if ident is not None and "ident" in given:
            raise TypeError("the ident is given twice")
        super().__init__({"ident": ident, **given} if ident is not None else given)
        self.keys: Mapping[str, Any] = given

    @property
    def place(self) -> tuple[str, int]:
        """The file and line of the call."""
        return self._marks[0].name, self._marks[0].line + 1


class Job(SpecNode):
    """One command."""

    tag = "!Job"


class JobGroup(SpecNode):
    """Children that run in parallel."""

    tag = "!JobGroup"


class JobArray(SpecNode):
    """Children that run in parallel, each repeated."""

    tag = "!JobArray"


class Cores(_Written):
    """A number of cores."""

    tag = "!Cores"

    def __init__(self, count: int) -> None:
        super().__init__({"count": count})


class Memory(_Written):
    """An amount of memory: a string with its unit, such as `2GB`, or a number of megabytes."""

    tag = "!Memory"

    def __init__(self, size: str | float, *, enforce: bool = False) -> None:
        super().__init__({"size": size, "enforce": enforce})


class License(_Written):
    """A number of licenses."""

    tag = "!License"

    def __init__(self, name: str, count: int = 1) -> None:
        super().__init__({"name": name, "count": count})


def _node(value: object, marks: tuple[Mark, Mark], tag: str = "") -> Node:
    start, end = marks
    match value:
        case _Written() if not tag:
            return value.to_yaml()
        case Mapping():
            given = cast("Mapping[object, object]", value)
            pairs = [(_scalar(str(key), start, end), _node(item, marks)) for key, item in given.items()]
            return MappingNode(tag or MAP, pairs, start, end)
        case str() | PurePath():
            # A string in quotes is never taken for null or a number.
            return ScalarNode(STR, str(value), start, end, style='"')
        case bool():
            return _scalar("true" if value else "false", start, end)
        case None:
            return _scalar("null", start, end)
        case int() | float():
            return _scalar(repr(value), start, end)
        case Iterable():
            items = cast("Iterable[object]", value)
            return SequenceNode(SEQ, [_node(item, marks) for item in items], start, end)
        case _:
            raise TypeError(f"{type(value).__name__} cannot be a value of a spec: {value!r}")


def _scalar(text: str, start: Mark, end: Mark) -> ScalarNode:
    return ScalarNode(STR, text, start, end)


def _caller() -> tuple[Mark, Mark]:
    """Returns the positions at which the call outside of this package begins and ends."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return Mark("<python>", 0, 0, 0, None, 0), Mark("<python>", 0, 0, 0, None, 0)
    code = frame.f_code
    known = _positions.get(code)
    if known is None:
        known = _positions[code] = list(code.co_positions())
    line, end_line, column, end_column = known[frame.f_lasti // 2]
    line = line or frame.f_lineno
    name = code.co_filename
    start = Mark(name, 0, line - 1, column or 0, None, 0)
    return start, Mark(name, 0, (end_line or line) - 1, end_column or 0, None, 0)


def source_of(file: str) -> str:
    """Returns the text of a file of Python, as far as it is known."""
    return "".join(linecache.getlines(file))
