"""How commands print: words for enums, times and sizes, columns, colours, JSON.

Rule: a terminal gets colours unless NO_COLOR is set; a pipe gets plain text of the same shape. Neither gets
orders from what strangers have said.
"""

import base64
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, cast

from gator.cli.secrets import hide_secrets
from gator.core.visible import visible, visible_styled
from gator.units import plural, span
from gator.v1 import common_pb2, event_pb2, query_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor
    from google.protobuf.message import Message

_STYLES: Final = {
    "passed": "32",
    "failed": "1;31",
    "lost": "1;35",
    "pruned": "33",
    "cancelled": "33",
    "running": "36",
    "waiting": "2",
    "error": "31",
    "critical": "1;31",
    "warning": "33",
    "debug": "2",
    "dim": "2",
    "bold": "1",
    "path": "36",
}
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_CODES: Final = "|".join(("0", *dict.fromkeys(_STYLES.values())))
"""The colours that Gator itself uses; all others are removed from foreign text."""
_UNSAFE_IN_JSON: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that JSON allows unescaped and a terminal would interpret."""


def has_colour() -> bool:
    """Returns whether stdout understands colours and its user wants them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and bool(os.environ.get("TERM")))


def paint(text: str, style: str) -> str:
    """Text in a style, by the name of an outcome, severity or `dim`, `bold`, `path`."""
    code = _STYLES.get(style)
    text = visible(text)
    return f"\x1b[{code}m{text}\x1b[0m" if code and has_colour() else text


def say(text: str = "") -> None:
    r"""Prints one line. Control characters other than colours are escaped, such as `\x07`."""
    sys.stdout.write((visible_styled(text, _CODES) if has_colour() else visible(text)) + "\n")


def say_lines(text: str) -> None:
    """Prints several lines, each like `say`."""
    for line in text.removesuffix("\n").split("\n"):
        say(line)


def complain(text: str) -> None:
    """Prints one line on stderr, cleaned like in `say`, with secrets masked."""
    sys.stderr.write(visible(hide_secrets(text)) + "\n")
    sys.stderr.flush()


# -- words


def word(descriptor: "EnumDescriptor", value: int) -> str:
    """Returns an enum's value in lower case without its prefix: `passed`; empty for unspecified."""
    found = descriptor.values_by_number.get(value)
    if found is None or value == 0:
        return ""
    first = descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return found.name.removeprefix(first).lower()


def outcome(value: int) -> str:
    """`passed`, `failed`, …; empty while it goes on."""
    return word(common_pb2.Outcome.DESCRIPTOR, value)


def reason(value: int) -> str:
    """`timeout`, `exit`, …; empty where there is nothing to explain."""
    return word(common_pb2.Reason.DESCRIPTOR, value)


def severity(value: int) -> str:
    """`info`, `error`, …."""
    return word(common_pb2.Severity.DESCRIPTOR, value)


def stream(value: int) -> str:
    """`out`, `err`, or empty."""
    return {int(common_pb2.STREAM_STDOUT): "out", int(common_pb2.STREAM_STDERR): "err"}.get(value, "")


def state_of(node: query_pb2.Node) -> str:
    """One word for what a node is at: its outcome, `running` or `waiting`."""
    return outcome(node.outcome) or word(query_pb2.NodeState.DESCRIPTOR, node.state) or "unknown"


def choice(descriptor: "EnumDescriptor", text: str, option: str) -> int:
    """Returns the value of an enum that an option names. Raises UsageError with the names there are."""
    from gator.errors import UsageError

    names = {word(descriptor, number): number for number in descriptor.values_by_number if number}
    found = names.get(text.lower())
    if found is None:
        raise UsageError(f"{option} takes {', '.join(names)}, not {text!r}")
    return found


# -- quantities


def duration(nanos: int) -> str:
    """Returns a time span for people: `0.42s`, `12.3s`, `4m05s`, `2h07m`, `3d04h`."""
    return span(nanos)


def took(used: event_pb2.Usage, start: int, end: int) -> str:
    """Returns the duration as text: as measured, else by the wall clock; empty if not known."""
    nanos = used.wall_nanos or (end - start if start and end else 0)
    # The difference is negative if the clock was set back.
    return duration(max(nanos, 0)) if nanos else ""


def size(count: int) -> str:
    """Bytes for people, in the decimal units of `!Memory`: `1.5 MB`."""
    from gator.units import size_text

    return size_text(count)


def moment(unix_nanos: int) -> str:
    """Returns a time in the local zone, to the second; `-` for none."""
    if not unix_nanos:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_nanos / 1e9))


def number(value: float) -> str:
    """Returns a number as short as it can be said."""
    return f"{value:,.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.6g}"


def tally(counts: event_pb2.Tally) -> str:
    """Jobs by what they are at, those there are none of left out; what passed is always said."""
    words = ("running", "waiting", "passed", "failed", "lost", "pruned", "cancelled")
    parts: list[str] = []
    for name in words:
        count = int(getattr(counts, name))
        if count or name == "passed":
            parts.append(paint(f"{count:,} {name}", name if count else "dim"))
    return ", ".join(parts)


def jobs(count: int) -> str:
    """`1 job`, `2,000 jobs`."""
    return plural(count, "job")


def cores(count: int) -> str:
    """`1 core`, `4 cores`."""
    return plural(count, "core")


def demand(asked: common_pb2.Demand) -> str:
    """Returns the resources that a job holds while it runs: `2 cores, 1.5 GB, 1 simulator`."""
    parts = [cores(asked.cores)]
    if asked.memory_bytes:
        parts.append(size(asked.memory_bytes))
    parts += [f"{count} {name}" for name, count in sorted(asked.licenses.items())]
    return ", ".join(parts)


def place(first_error: event_pb2.ErrorMessage) -> str:
    """Where a message stands, as in `out:17 error`."""
    word = severity(first_error.severity)
    where = f"{stream(first_error.stream)}:{first_error.line} " if first_error.line else ""
    return paint(f"{where}{word}".strip() or "first error", word)


def commit(git: query_pb2.Git) -> str:
    """`commit 3f2a91c0 on main, with changes`; empty for none."""
    if not git.commit:
        return ""
    branch = f" on {git.branch}" if git.branch else ""
    return f"commit {git.commit[:8]}{branch}{', with changes' if git.dirty else ''}"


# -- shapes


def columns(rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Prints rows in columns; those whose number is in `right` are aligned to the right."""
    clean = partial(visible_styled, codes=_CODES) if has_colour() else visible
    texts = [[clean(cell) for cell in row] for row in rows]
    if not texts:
        return
    widths = [max(_width(row[at]) for row in texts) for at in range(len(texts[0]))]
    for row in texts:
        cells = [
            " " * (width - _width(cell)) + cell if at in right else cell + " " * (width - _width(cell))
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


def _width(text: str) -> int:
    return len(_COLOUR.sub("", text)) if "\x1b" in text else len(text)


# -- JSON


def say_json(value: Any) -> None:
    """Prints a message or plain values as one line of JSON."""
    from google.protobuf.message import Message

    plain = to_values(value) if isinstance(value, Message) else value
    sys.stdout.write(to_json(plain) + "\n")


def to_json(plain: Any) -> str:
    """Returns plain values as one line of JSON without control characters.

    Numbers that JSON lacks become the strings "NaN", "Infinity" and "-Infinity", as in protobuf's JSON.
    """
    try:
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(plain), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if text.isascii():
        return text
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _finite(plain: Any) -> Any:
    """Returns plain values with strings in place of the numbers that JSON lacks."""
    if isinstance(plain, float):
        return plain if isfinite(plain) else {1: "Infinity", -1: "-Infinity"}.get(_sign(plain), "NaN")
    if isinstance(plain, dict):
        return {key: _finite(value) for key, value in cast("dict[str, Any]", plain).items()}
    if isinstance(plain, list | tuple):
        return [_finite(item) for item in cast("list[Any]", plain)]
    return plain


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def to_values(message: "Message") -> dict[str, Any]:
    """Returns a message as plain values, with every field.

    Enums are lower-case words without their prefix and null when unspecified, bytes are base64, and a
    message or optional value that is not set is null.
    """
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: "Message", field: Any) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {str(key): value[key] for key in sorted(value)}
    if field.is_repeated:
        return [_value(field, item) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _value(field, value)


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return to_values(value)
    if field.enum_type is not None:
        return word(field.enum_type, value) or None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
