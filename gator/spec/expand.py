"""Expands variables of the job's environment in a command and its arguments.

The forms are `$NAME`, `${NAME}`, `${NAME:-text}` and, for old specs, `:+ := :? -`. `\\$` is a literal `$`,
and any other `$` stays.

Invariant: one pass; the value of a variable and a marked text are not expanded again.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from gator.errors import UserError
from gator.spec.literal import MARK, MARKED, literal

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOLLAR = re.compile(rf"{MARKED}|\\\$|\$({_NAME})|\$\{{")
_BRACED = re.compile(rf"({_NAME})(\}}|:-|:\+|:=|:\?|-)")
_EDGE = re.compile(rf"{MARKED}|\\\$|\$\{{|\}}")


class ExpansionError(UserError):
    """A required variable is not set: `${NAME:?text}`."""


class Use(Struct, frozen=True):
    """One use of a variable; `operator` is empty for `$NAME` and `${NAME}`."""

    start: int
    end: int
    name: str
    operator: str
    text: str


class _Literal(Struct, frozen=True):
    """A part of a string that stands for another text in which nothing is expanded."""

    start: int
    end: int
    text: str


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Returns `text` with its variables expanded; unset ones are empty.

    Raises ExpansionError for `${NAME:?text}` when NAME is unset or empty.
    """
    if "$" not in text and MARK not in text:
        return text
    parts: list[str] = []
    position = 0
    for item in _scan(text):
        parts.append(text[position : item.start])
        parts.append(item.text if isinstance(item, _Literal) else _value(item, environment))
        position = item.end
    parts.append(text[position:])
    return "".join(parts)


def check_expansion(text: str) -> list[tuple[int, str]]:
    """Returns the positions of each `${` that starts no variable, with an error; ignores `${{ name }}`."""
    if "${" not in text:
        return []
    known = {use.start for use in _uses(text)}
    problems: list[tuple[int, str]] = []
    for match in re.finditer(r"(\\?)(\$?)\$\{(\{?)", text):
        escaped, _, names = match.groups()
        start = match.end() - 2
        if not escaped and not names and start not in known and not _inside_names(text, start):
            shown = text[start : start + 20].partition("\n")[0]
            problems.append((start, f"'{shown}' is not a variable: for a literal ${{ write \\${{"))
    return problems


def names_in(text: str) -> list[str]:
    """Returns the variables that would expand to nothing if they were unset, in the order of the text."""
    if "$" not in text:
        return []
    return [use.name for use in _uses(text) if use.operator in ("", ":?")]


def used_in(text: str) -> list[str]:
    """Returns the variables that are used, including those in defaults, in the order of the text."""
    return [use.name for use in _uses(text)]


def _inside_names(text: str, start: int) -> bool:
    opened = text.rfind("${{", 0, start)
    return opened >= 0 and text.find("}}", opened) >= start


def _uses(text: str) -> Iterator[Use]:
    for item in _scan(text):
        if isinstance(item, Use):
            yield item
            if item.operator:
                shift = item.end - 1 - len(item.text)
                for use in _uses(item.text):
                    yield Use(use.start + shift, use.end + shift, use.name, use.operator, use.text)


def _scan(text: str) -> Iterator[Use | _Literal]:
    """Yields uses of variables, and strings that are literal, in the order of the text."""
    position = 0
    while match := _DOLLAR.search(text, position):
        position = match.end()
        if match[0] == "\\$":
            yield _Literal(match.start(), position, "$")
        elif match[0][0] == MARK:
            yield _Literal(match.start(), position, literal(match[0]))
        elif match[1]:
            yield Use(match.start(), position, match[1], "", "")
        elif use := _braced(text, match.start()):
            yield use
            position = use.end


def _braced(text: str, start: int) -> Use | None:
    """Returns the use that starts with the `${` at `start`; None if it is not a variable."""
    match = _BRACED.match(text, start + 2)
    if match is None:
        return None
    if match[2] == "}":
        return Use(start, match.end(), match[1], "", "")
    depth = 1
    for edge in _EDGE.finditer(text, match.end()):
        depth += {"}": -1, "${": 1}.get(edge[0], 0)
        if not depth:
            return Use(start, edge.end(), match[1], match[2], text[match.end() : edge.start()])
    return None


def _value(use: Use, environment: Mapping[str, str]) -> str:
    value = environment.get(use.name)
    match use.operator:
        case "":
            return value or ""
        case "-":
            return expand(use.text, environment) if value is None else value
        case ":+":
            return expand(use.text, environment) if value else ""
        case ":?" if not value:
            reason = expand(use.text, environment) or "it is unset or empty"
            raise ExpansionError(f"${{{use.name}:?}}: {reason}")
        case _:
            return value or expand(use.text, environment)
