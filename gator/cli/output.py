"""Prints text of commands on stdout and stderr.

Invariant: control sequences of foreign text never reach the output. A terminal gets colours unless NO_COLOR
is set; a pipe gets the same text without colours.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial

from gator.cli.secrets import hide_secrets
from gator.console import describe
from gator.console.text import CODES, column_lines, styled
from gator.core.causes.shown import is_last_words
from gator.core.visible import visible, visible_styled
from gator.v1 import event_pb2, query_pb2


def has_colour() -> bool:
    """Returns whether stdout supports colours and its user wants them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and bool(os.environ.get("TERM")))


def paint(text: str, style: str) -> str:
    """Returns a string in a style of `console.text.STYLES`, with control characters escaped."""
    text = visible(text)
    return styled(text, style) if has_colour() else text


def echo(text: str = "") -> None:
    r"""Prints one line. Control characters other than colours are escaped, such as `\x07`."""
    sys.stdout.write((visible_styled(text, CODES) if has_colour() else visible(text)) + "\n")


def echo_lines(text: str) -> None:
    """Prints several lines, each like `echo`."""
    for line in text.removesuffix("\n").split("\n"):
        echo(line)


def echo_columns(rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Prints rows in columns; those whose number is in `right` are aligned to the right."""
    clean = partial(visible_styled, codes=CODES) if has_colour() else visible
    for line in column_lines(rows, right, clean):
        echo(line)


def warn(text: str) -> None:
    """Prints one line on stderr, cleaned like in `echo`, with secrets masked."""
    sys.stderr.write(visible(hide_secrets(text)) + "\n")
    sys.stderr.flush()


def painted_tally(counts: event_pb2.Tally) -> str:
    """Returns the numbers of jobs by state in their styles; `passed` is included even if it is 0."""
    parts = dict(describe.tally_parts(counts))
    shown = (name for name in describe.TALLY_ORDER if name in parts or name == "passed")
    return ", ".join(
        paint(f"{parts.get(name, 0):,} {name}", name if name in parts else "dim") for name in shown
    )


def painted_state(run: query_pb2.Run, node: query_pb2.Node) -> str:
    """Returns the state of a node with times: `running for 4m05s`, `failed after 12.3s: exit code 1`."""
    state = describe.state(node)
    return f"{paint(state, state)}{describe.since_start(run, node)}"


def painted_place(first_error: event_pb2.ErrorMessage) -> str:
    """Returns the place and severity of a message in the style of its severity: `out:17 error`.

    For the last output of a job without messages it is `out:17 last line`.
    """
    is_message = not is_last_words(first_error)
    severity = describe.severity(first_error.severity) if is_message else ""
    where = f"{describe.line_place(first_error)} {severity if is_message else 'last line'}".strip()
    return paint(where or "first error", severity)
