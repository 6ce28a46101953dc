"""Completion in bash of words with a colon, such as `hub:RUN`, or that begin with `@`.

Bash breaks words at `:`, `=` and `@` (COMP_WORDBREAKS), completes only the last piece, and replaces that
piece, and an `@` before it, by the completion.

Invariant: words are joined before they are completed, and completions omit the text before the last piece.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from itertools import chain
from typing import Final

VARIABLE: Final = "_GATOR_COMPLETE"
_BASH: Final = "complete_bash"
_LEADING: Final = "@"
"""A break that belongs to the text after it."""


def is_asked() -> bool:
    """Returns whether bash asks for completions."""
    return os.environ.get(VARIABLE) == _BASH and "COMP_WORDS" in os.environ


def answer(complete: Callable[[], object]) -> None:
    """Calls `complete`, which prints one completion a line, and prints them in the form for bash."""
    words = os.environ["COMP_WORDS"]
    pieces = words.split("\n" if "\n" in words else " ")
    cursor = os.environ.get("COMP_CWORD", "")
    joined, done = put_together(pieces[: int(cursor) + 1] if cursor.isdecimal() else pieces)
    os.environ["COMP_WORDS"] = "\n".join(joined)
    os.environ["COMP_CWORD"] = str(len(joined) - 1)
    answers = io.StringIO()
    try:
        with redirect_stdout(answers):
            complete()
    finally:
        for line in answers.getvalue().splitlines():
            sys.stdout.write(f"{line.removeprefix(done)}\n")


def put_together(pieces: Sequence[str]) -> tuple[list[str], str]:
    """Joins the pieces that bash passes; returns the words, and the text that completions must omit."""
    words = list[str]()
    done = ""
    broken = led = False
    for piece in chain.from_iterable(map(_breaks, pieces)):
        is_break = piece == "=" or (bool(piece) and not piece.strip(":"))
        glue = bool(words) and (
            (is_break and _may_go_on(words[-1], piece)) or ((broken or led) and bool(piece))
        )
        if glue:
            if not led:
                done = words[-1] + (piece if is_break else "")
            words[-1] += piece
        else:
            done = ""
            words.append(piece)
        broken = glue and is_break
        led = piece == _LEADING
    option, equals, value = done.partition("=")
    return words, value if equals and option.startswith("--") else done


def _may_go_on(word: str, piece: str) -> bool:
    """Returns whether a word may contain a break; `=` only follows the name of an option."""
    return bool(word) and (piece != "=" or word.startswith("--"))


def _breaks(piece: str) -> tuple[str, ...]:
    """Returns a piece, or two if it is `=` together with the beginning of the value."""
    return ("=", _LEADING) if piece == f"={_LEADING}" else (piece,)
