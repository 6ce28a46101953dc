"""Suggests the node that was most likely meant by a path that matches nothing."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

MAX_COMPARED: Final = 5000
"""Maximum number of paths that are compared with a wrong one."""
MIN_LIKENESS: Final = 0.75
"""Minimum similarity, from 0 to 1, of a path that is suggested."""


def similar_path(wrong: str, paths: Iterable[str]) -> str:
    """Returns the end of the most similar path, with as many names as `wrong`; empty if none is similar."""
    from difflib import get_close_matches

    wrong = wrong.strip("/")
    depth = wrong.count("/") + 1
    tails = ("/".join(path.split("/")[-depth:]) for path in islice(paths, MAX_COMPARED))
    near = get_close_matches(wrong, dict.fromkeys(tails), 1, MIN_LIKENESS)
    return near[0] if near else ""
