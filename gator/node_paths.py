"""Node paths, such as `top/counting/echo_count[2]`: composing, splitting and sorting them.

A template is a path without the indices of repeats.
"""

import re
from collections.abc import Iterator

MAX_PATH_BYTES = 2000
"""Maximum number of bytes of a path in UTF-8: every supported database can index it and its sort key."""

LEVEL_SEPARATOR = "\x01"
"""Separates the levels of a sort key."""

_INDEX = re.compile(r"\[[^\]/]*\]")
_LABEL = re.compile(r"\[([^\]/]*)\]")
_NUMBER = re.compile(r"\[(\d+)\]")


def join(parent: str, ident: str, index: int | None = None) -> str:
    """Returns the path of a child; `index` is that of a repeat."""
    name = ident if index is None else f"{ident}[{index}]"
    return f"{parent}/{name}" if parent else name


def path_in(root: str, path: str) -> str:
    """Returns the path of a node by its path below the root; the root if that is empty."""
    return f"{root}/{path}" if path else root


def parent_of(path: str) -> str:
    """Returns the path of the parent; empty for the root."""
    return path.rpartition("/")[0]


def template_of(path: str) -> str:
    """Returns the path without the indices of repeats: `a/b[2]/c` becomes `a/b/c`."""
    return _INDEX.sub("", path) if "[" in path else path


def array_index(path: str) -> int | None:
    """Returns the index of the innermost repeat on an instance's path; None outside of arrays.

    In a matrix it is the number of the repeat within its combination.
    """
    labels = _LABEL.findall(path)
    if not labels:
        return None
    number = labels[-1].rpartition(",")[2]
    return int(number) if number.isdecimal() else 0


def is_below(path: str, ancestor: str) -> bool:
    """Returns whether `path` is `ancestor` or one of its descendants; every path is below the empty one."""
    return not ancestor or path == ancestor or path.startswith(ancestor + "/")


def ancestors(path: str) -> Iterator[str]:
    """Yields the paths of the ancestors, nearest first, the root last."""
    while path := parent_of(path):
        yield path


def key_of_path(path: str) -> str:
    """Returns the sort key of a node whose position in the spec is unknown: by path, repeats by number."""
    if "[" in path:
        path = _NUMBER.sub(_padded, path)
    return path.replace("/", LEVEL_SEPARATOR)


def _padded(match: re.Match[str]) -> str:
    return f"[{match[1]:0>9}]"
