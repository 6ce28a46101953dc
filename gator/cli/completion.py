"""Completion in bash of words with a colon, such as `hub:RUN`, or that begin with `@`.

Bash breaks words at `:`, `=` and `@` (COMP_WORDBREAKS), completes the last piece alone, and puts what it is
told in the place of that piece, and of an `@` before it. Rule: the words are put together before they are
looked at, and what stands before the last piece is left out of the answers.
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
"""A break that belongs to what comes after it."""


def is_asked() -> bool:
    """Returns whether bash asks for completions."""
    return os.environ.get(VARIABLE) == _BASH and "COMP_WORDS" in os.environ


def answer(complete: Callable[[], object]) -> None:
    """Lets `complete` print the completions, one a line, and prints them as bash takes them."""
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
    """Words from the pieces that bash makes of them, and how much of the last value it leaves alone."""
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
    """Returns whether a break can stand within this word: `=` only after the name of an option."""
    return bool(word) and (piece != "=" or word.startswith("--"))


def _breaks(piece: str) -> tuple[str, ...]:
    """Returns a piece, or two where `=` and the beginning of the value are one."""
    return ("=", _LEADING) if piece == f"={_LEADING}" else (piece,)
