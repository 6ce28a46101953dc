"""Globs of paths of nodes that ran: what people type becomes one regular expression.

A glob matches the end of a path: `*` stands for anything within a name, `**` for any number of names, a
leading `/` for the root, `run[3]` or `run.3` for one repeat and `run` for all. Dots may stand for slashes.
"""

import re
from collections.abc import Iterable

_REPEAT = re.compile(r"(.+?)(?:\[([0-9*]+)\]|\.([0-9]+))")
_DOT = re.compile(r"\.(?!\d+(?:\.|$))")  # a dot between names, as in `top.counting.echo_count.2`


def expression(globs: Iterable[str]) -> "re.Pattern[str]":
    """What matches the whole paths of the nodes that any of the globs means."""
    return re.compile("|".join(f"(?:{_of_path(glob)})" for glob in globs), re.DOTALL)


def _of_path(glob: str) -> str:
    tries = [_of_names(glob.strip("/").split("/"))]
    if "/" not in glob and _DOT.search(glob):
        tries.append(_of_names(_DOT.split(glob)))
    start = "" if glob.startswith("/") else "(?:.*/)?"
    return f"{start}(?:{'|'.join(tries)})"


def _of_names(names: list[str]) -> str:
    text = ""
    for at, name in enumerate(names):
        last = at == len(names) - 1
        if name == "**":
            # Any number of names, none included; at the end also the node itself and all below it.
            text = (
                text.removesuffix("/") + "(?:/.*)?"
                if last and text
                else text + ("(?:.*)" if last else "(?:.*/)?")
            )
        else:
            text += _of_name(name) + ("" if last else "/")
    return text


def _of_name(name: str) -> str:
    whole = _stars(name) + r"(?:\[[^\]/]*\])?"
    match = _REPEAT.fullmatch(name)
    if match is None:
        return whole
    index = (match[2] or match[3]).replace("*", r"\d*")
    one = rf"{_stars(match[1])}\[{index}\]"
    # `x.3` may also be a name as it stands.
    return one if name.endswith("]") else f"(?:{one}|{whole})"


def _stars(text: str) -> str:
    return "[^/]*".join(re.escape(part) for part in re.split(r"\*+", text))
