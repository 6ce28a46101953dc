r"""Paths of nodes: as file names, and as typed by users.

A typed path matches every path that ends with it, so `say_hi` is enough for `top/inner/say_hi`. `*` matches
anything within a name, `**` any number of names, `\*` a star; brackets are literal. `run.3` is `run[3]`, and
dots may replace slashes. Invariant: paths are streamed, and only those that are returned are kept.
"""

import os
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from gator.errors import NotFoundError, UsageError
from gator.spec.idents import nfc

FAILED: Final = "@failed"
"""In place of a glob of `--only`: the jobs that failed or were lost in the last run."""
PASSED: Final = "@passed"
"""In place of a glob of `--skip`: what passed in the last run."""
_MAX_NAMED = 5
"""Maximum number of matches that an error names."""
_MAX_SLUG = 160
"""Maximum number of characters of a path in the name of a file, without its suffix."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_TOKEN = re.compile(r"\\[*\\]|\*\*/|/\*\*$|\*\*|\*|/|\.[0-9]+(?=[./]|$)|\.|\[|\\|[^*/.\[\\]+")
_ESCAPED = re.compile(r"\\([*\\])")
_MAX_LIKE = 1000
"""Maximum length of a pattern for LIKE, which SQLite bounds."""
_GAP = "\0"
_LIKE_SPECIAL = re.compile(r"[%_!]")
_TO_ESCAPE = re.compile(r"\*|\\(?=[*\\])")


def slug(path: str) -> str:
    """Returns a path as the name of a file; a hash suffix makes it unique if characters were replaced."""
    name = _UNSAFE.sub("_", path)
    if name == path and len(name) <= _MAX_SLUG:
        return name
    return f"{name[-_MAX_SLUG:]}-{sha256(path.encode()).hexdigest()[:6]}"


def is_glob(pattern: str) -> bool:
    """Returns whether a pattern can mean several paths on purpose."""
    return "*" in pattern and "*" in _ESCAPED.sub("", pattern)


def escape(path: str) -> str:
    r"""Returns the pattern that matches exactly this path: a `*` in an ident becomes `\*`."""
    return _TO_ESCAPE.sub(lambda match: "\\" + match[0], path)


def unescape(text: str) -> str:
    """Returns the path of a pattern without globs."""
    return _ESCAPED.sub(r"\1", text)


class PathPattern:
    """A string that names nodes.

    Its readings, from the strictest: the whole path; the end of a path as it stands; with dots for slashes
    and brackets; and with the numbers of repeats left out. The strictest that finds anything counts.
    """

    __slots__ = ("_readings", "like", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern = nfc(pattern)
        self.like = _like(pattern)
        """Pattern for SQL's LIKE, with `!` as the escape, that matches at least all paths that are meant."""
        rooted = pattern.startswith("/")
        body = pattern.strip("/")
        start = "" if rooted or body.startswith("**") else "(?:.*/)?"
        plain = _regex(body, dots=False, repeats=False)
        # A glob has no best match: all paths that end so are meant.
        readings = [start + plain] if is_glob(pattern) else [plain, start + plain]
        if "." in body:
            readings.append(start + _regex(body, dots=True, repeats=False))
        readings.append(start + _regex(body, dots="." in body, repeats=True))
        self._readings = [re.compile(text, re.DOTALL) for text in readings]

    def level(self, path: str) -> int | None:
        """Returns the strictest reading, from 0, by which this path is meant; None if it is not."""
        return next((n for n, reading in enumerate(self._readings) if reading.fullmatch(path)), None)

    def matches(self, path: str) -> bool:
        """Returns whether this path is meant by any reading."""
        return self.level(path) is not None


def match(pattern: str, paths: Iterable[str]) -> list[str]:
    """Returns the paths that are meant: one, or any number for a glob, in the order they came in.

    Raises NotFoundError if there is none, and UsageError if a pattern without a wildcard matches several.
    """
    path_pattern = PathPattern(pattern)
    best: int | None = None
    matches: list[str] = []
    for path in paths:
        level = path_pattern.level(path)
        if level is None or (best is not None and level > best):
            continue
        if best is None or level < best:
            best, matches = level, []
        matches.append(path)
    if not matches:
        raise NotFoundError(f"there is no node '{pattern}'")
    if len(matches) > 1 and not is_glob(pattern):
        raise ambiguous_path(pattern, matches)
    return matches


def ambiguous_path(pattern: str, paths: Sequence[str]) -> UsageError:
    """Returns the error for a pattern that matches several nodes if a command takes one."""
    shown = ", ".join(paths[:_MAX_NAMED]) + (", …" if len(paths) > _MAX_NAMED else "")
    above = os.path.commonpath(paths)
    group = f", or its group {above}" if above and above not in paths else ""
    return UsageError(f"'{pattern}' matches {len(paths)} nodes ({shown}): name one of them{group}")


def _like(pattern: str) -> str:
    """Returns the names of a pattern in their order, with anything between, before and after them."""
    if len(pattern) > _MAX_LIKE:
        return "%"
    parts: list[str] = []
    for token in _TOKEN.findall(pattern.strip("/")):
        if token in (r"\*", "\\\\"):
            parts.append(token[1])
        elif token[0] == "." or "*" in token or token in ("/", "["):
            # A dot may mean a slash or a bracket.
            parts.append(_GAP + token.strip("./*["))
        else:
            parts.append(token)
    names = filter(None, "".join(parts).split(_GAP))
    return "".join("%" + _LIKE_SPECIAL.sub(r"!\g<0>", name) for name in names) + "%"


def _regex(body: str, *, dots: bool, repeats: bool) -> str:
    """Returns the pattern as a regular expression; `repeats` lets names stand for all their repeats."""
    any_repeat = r"(?:\[[^\]/]*\])?" if repeats else ""
    parts: list[str] = []
    for token in _TOKEN.findall(body):
        match token:
            case "**/":
                parts.append("(?:.*/)?")
            case "/**":
                parts.append("(?:/.*)?")
            case "**":
                parts.append(".*")
            case "*":
                parts.append("[^/]*")
            case "/":
                parts.append(any_repeat + "/")
            case r"\*" | r"\\":
                parts.append(re.escape(token[1]))
            case "." if dots:
                parts.append(any_repeat + "[./]")
            case _ if dots and token[0] == "." and len(token) > 1:
                parts.append(rf"(?:\[{token[1:]}\]|[./]{token[1:]})")
            case _:
                parts.append(re.escape(token))
    return "".join(parts) + any_repeat
