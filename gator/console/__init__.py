"""Displays of a run on a terminal or in a log, and the strings that commands print.

There are displays for a single job, for a live terminal and for plain output; all read the same events.
`describe` has the strings for outcomes, times and amounts, `text` colours, widths and columns.

Invariant: a display reads events and prints; it decides nothing about the run.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TextIO

from gator.ports import Display, EarlierRuns


def make_display(
    out: TextIO,
    *,
    single: bool,
    quiet: bool,
    verbose: bool,
    all_messages: bool,
    progress: bool,
    environment: Mapping[str, str],
    find_earlier_runs: Callable[[Iterable[str]], EarlierRuns],
) -> Display:
    """Returns a display for a run; imports only the module of that display.

    `find_earlier_runs` returns what earlier runs tell about causes, given by names or signatures; it is
    called once.
    """
    from gator.console.terminal import Terminal

    terminal = Terminal(out, colour=_wants_colour(out, environment))
    if single and not quiet:
        from gator.console.single import SingleDisplay

        return SingleDisplay(terminal, verbose=verbose)
    if progress and not quiet and _obeys(environment):
        from gator.console.live import LiveDisplay

        return LiveDisplay(
            terminal, verbose=verbose, all_messages=all_messages, find_earlier_runs=find_earlier_runs
        )
    from gator.console.plain import PlainDisplay

    return PlainDisplay(
        terminal, quiet=quiet, verbose=verbose, all_messages=all_messages, find_earlier_runs=find_earlier_runs
    )


def _obeys(environment: Mapping[str, str]) -> bool:
    """Returns whether a terminal interprets escape sequences: it has a name and is not dumb."""
    return environment.get("TERM", "") not in ("", "dumb")


def _wants_colour(out: TextIO, environment: Mapping[str, str]) -> bool:
    """Returns whether a terminal gets colours: unless NO_COLOR (https://no-color.org) or TERM forbid it."""
    if environment.get("NO_COLOR") or not _obeys(environment):
        return False
    return out.isatty()
