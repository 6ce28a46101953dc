"""What a person sees while a run goes on: one display for each occasion, all consumers of the same events.

The rule: a display reads events and draws; it decides nothing and keeps nothing but what it draws.
"""

from collections.abc import Mapping
from typing import TextIO

from gator.ports import Display


def make_display(
    out: TextIO,
    *,
    single: bool,
    quiet: bool,
    verbose: bool,
    all_messages: bool,
    progress: bool,
    environment: Mapping[str, str],
) -> Display:
    """Returns the display that fits the occasion; only its own module is imported."""
    from gator.console.terminal import Terminal

    paper = Terminal(out, colour=_wants_colour(out, environment))
    if single and not quiet:
        from gator.console.single import SingleDisplay

        return SingleDisplay(paper, verbose=verbose)
    if progress and not quiet and _obeys(environment):
        from gator.console.live import LiveDisplay

        return LiveDisplay(paper, verbose=verbose, all_messages=all_messages)
    from gator.console.plain import PlainDisplay

    return PlainDisplay(paper, quiet=quiet, verbose=verbose, all_messages=all_messages)


def _obeys(environment: Mapping[str, str]) -> bool:
    """Returns whether a terminal interprets escape sequences: it has a name and is not dumb."""
    return environment.get("TERM", "") not in ("", "dumb")


def _wants_colour(out: TextIO, environment: Mapping[str, str]) -> bool:
    """Colours on a terminal, unless NO_COLOR (https://no-color.org) or TERM say otherwise."""
    if environment.get("NO_COLOR") or not _obeys(environment):
        return False
    return out.isatty()
