"""Patterns of regular expressions work with every Python from 3.11 on."""

import re
from pathlib import Path

import gator

FOLDER = Path(gator.__file__).parent
_POSSESSIVE_GROUP = re.compile(r"""(?<!\\)\)(?:[*+?]|\{\d*,?\d*\})\+(?=[^=\s])""")


def test_no_pattern_repeats_a_group_possessively() -> None:
    # Before 3.11.5 `re` goes on at a wrong place where it fails midway: b"\x1b]0;ti" was text there.
    found = [
        f"{path.relative_to(FOLDER)}:{number}"
        for path in FOLDER.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _POSSESSIVE_GROUP.search(line) and re.search(r"""\br?b?f?["']""", line)
    ]
    assert not found
