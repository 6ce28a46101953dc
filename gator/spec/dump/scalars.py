"""Writes scalars, lists and mappings of YAML, each on one line where its text allows."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_./$][A-Za-z0-9_./$%+@=-]*")
_NOT_PLAIN = frozenset({"null", "Null", "NULL", "~", "<<"})
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_BLOCK_LINE = re.compile(r"[\x20-\x7e\t\xa0-\u2027\u2030-\ud7ff]*")


def mapping(key: str, items: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yields a mapping of strings to written values; nothing if it is empty."""
    if items:
        yield f"{key}:"
        for name, value in items:
            yield f"  {scalar(name)}: {value}"


def count_text(number: int) -> str:
    """Returns a number; `none` for a negative one, which means no limit."""
    return str(number) if number >= 0 else "none"


def sequence(texts: Iterable[str]) -> str:
    """Returns strings as a sequence on one line."""
    return f"[{', '.join(map(scalar, texts))}]"


def scalar(text: str) -> str:
    """Returns a string as one YAML scalar on one line."""
    if _PLAIN.fullmatch(text) and text not in _NOT_PLAIN:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def block(key: str, text: str) -> Iterator[str]:
    """Yields a string of several lines as a block, if that keeps every character of it."""
    body = text.removesuffix("\n")
    lines = body.split("\n")
    plain = all(_BLOCK_LINE.fullmatch(line) and (not line or line.strip()) for line in lines)
    if "\n" not in text or not plain or not lines[0] or lines[0][0] in " \t" or not lines[-1]:
        yield f"{key}: {scalar(text)}"
        return
    yield f"{key}: |" if text.endswith("\n") else f"{key}: |-"
    for line in lines:
        yield f"  {line}" if line else ""
