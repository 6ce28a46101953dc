"""Composes TOML text into nodes with positions. Scalars become strings, as in a spec."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final, cast

from yaml.error import Mark
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.errors import Problem, SpecError
from gator.spec.toml.positions import KeyPath, nearest, positions
from gator.spec.yaml.nodes import MAP, SEQ, STR

_AT_END: Final = re.compile(
    r"(?P<message>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)"
)


def compose(text: str, file: str) -> tuple[MappingNode, dict[str, Any]]:
    """Returns all values of a file as nodes and as they are. Raises SpecError with the first mistake."""
    try:
        content = tomllib.loads(text)
        node = _Composer(file, positions(text)).node((), content)
    except tomllib.TOMLDecodeError as error:
        raise SpecError([_mistake(str(error), text, file)]) from error
    except ValueError as error:
        raise SpecError([Problem(file, 1, 1, "a number in this file has too many digits")]) from error
    except RecursionError as error:
        raise SpecError([Problem(file, 1, 1, "this file is nested too deeply")]) from error
    assert isinstance(node, MappingNode)
    return node, content


class _Composer:
    """Makes nodes; a value without a known position has that of the nearest value around it."""

    def __init__(self, file: str, known: Mapping[KeyPath, tuple[int, int]]) -> None:
        self._file, self._known = file, known

    def node(self, path: KeyPath, value: Any) -> Node:
        """Returns the node of a value."""
        mark = self._mark(path)
        if isinstance(value, dict):
            pairs: list[tuple[Node, Node]] = []
            for key, item in cast("dict[str, Any]", value).items():
                below = (*path, key)
                at = self._mark(below)
                pairs.append((ScalarNode(STR, key, at, at), self.node(below, item)))
            return MappingNode(MAP, pairs, mark, mark)
        if isinstance(value, list):
            items = [
                self.node((*path, str(index)), item) for index, item in enumerate(cast("list[Any]", value))
            ]
            return SequenceNode(SEQ, items, mark, mark)
        return ScalarNode(STR, _text(value), mark, mark, style='"' if isinstance(value, str) else None)

    def _mark(self, path: KeyPath) -> Mark:
        line, column = nearest(path, self._known)
        return Mark(self._file, 0, line, column, None, 0)


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _mistake(message: str, text: str, file: str) -> Problem:
    """Returns the mistake that the parser of TOML found."""
    match = _AT_END.fullmatch(message)
    if match is None:
        return Problem(file, 0, 0, f"this is not valid TOML: {message}")
    lines = text.splitlines() or [""]
    line = int(match["line"]) if match["line"] else len(lines)
    column = int(match["column"]) if match["column"] else len(lines[-1]) + 1
    message = match["message"]
    return Problem(file, line, column, f"this is not valid TOML: {message[:1].lower()}{message[1:]}")
