"""Composes YAML text into nodes with positions. Scalars stay strings as written.

Invariant: any bytes give a node or one Problem, in time and memory bounded by the text.
"""

import io
from typing import cast

import yaml
from yaml.composer import ComposerError
from yaml.error import MarkedYAMLError, YAMLError
from yaml.loader import SafeLoader
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader
from yaml.resolver import BaseResolver

from gator.errors import Problem, SpecError
from gator.spec.yaml.hints import MAX_DEPTH, TOO_DEEP, explain

STR = "tag:yaml.org,2002:str"
SEQ = "tag:yaml.org,2002:seq"
MAP = "tag:yaml.org,2002:map"
NULL = "tag:yaml.org,2002:null"

_TAGS: dict[type[Node], str] = {ScalarNode: STR, SequenceNode: SEQ, MappingNode: MAP}
_MARK = "\ufeff"
"""The byte order mark, which is allowed at the beginning only."""


class _Text(io.BytesIO):
    """A stream with the name of its file, which positions need."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text.encode())
        self.name = name


class _Plain(BaseResolver):
    """Resolves nothing: `1.10`, `on` and `12:30` are texts."""

    depth = 0

    def descend_resolver(self, current_node: Node | None, current_index: object) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = current_node.start_mark if current_node is not None else None
            raise ComposerError(None, None, TOO_DEEP, mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: type[Node], value: object, implicit: object) -> str:
        return _TAGS[kind]


# The composer in C is nine times as fast; the one in Python does the same where C was not built.
_LOADER_IN_PYTHON = cast("type[SafeLoader]", type("_Loader", (_Plain, SafeLoader), {}))
_LOADER = cast("type[SafeLoader]", type("_Loader", (_Plain, getattr(yaml, "CSafeLoader", SafeLoader)), {}))


def decode(data: str | bytes, file: str) -> str:
    """Returns the text of a file without its byte order mark; raises SpecError if it is not UTF-8."""
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8-sig", "replace")
            message = f"byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
            raise SpecError([_problem_at(before, len(before), file, message)]) from error
    text = data.removeprefix(_MARK)
    # Compiling another pattern would take as long as reading a small spec.
    if match := Reader.NON_PRINTABLE.search(text.replace(_MARK, "\0")):
        message = f"the character U+{ord(text[match.start()]):04X} is not allowed in YAML: remove it"
        raise SpecError([_problem_at(text, match.start(), file, message)])
    return text


def compose(text: str, file: str, *, in_python: bool = False) -> Node | None:
    """Returns the root node of a document, None if it is empty; raises SpecError with the first mistake."""
    loader = (_LOADER_IN_PYTHON if in_python else _LOADER)(_Text(text, file))
    try:
        return loader.get_single_node()
    except MarkedYAMLError as error:
        raise SpecError([explain(error, text, file)]) from error
    except YAMLError as error:
        raise SpecError([Problem(file, 0, 0, "this is not valid YAML")]) from error
    finally:
        loader.dispose()


def _problem_at(text: str, offset: int, file: str, message: str) -> Problem:
    line_start = text.rfind("\n", 0, offset) + 1
    return Problem(file, text.count("\n", 0, offset) + 1, offset - line_start + 1, message)
