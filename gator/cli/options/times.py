"""The options `--since` and `--until`: a point in time, or a span before now."""

import time
from datetime import datetime
from typing import Annotated

import typer

from gator.errors import OptionError
from gator.units import parse_duration

SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Show only lines from this time on: 2026-11-29T20:15, 20:15 (today), or 10m (ten minutes ago).",
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="TIME", help="Show only lines before this time; takes the same forms as --since."
    ),
]


def unix_nanos(text: str | None, option: str, now: float | None = None) -> int:
    """Returns the time that an option means, in nanoseconds since 1970 UTC; 0 if it was not given.

    A time without a zone is local. Raises UsageError if the text is neither a time nor a span.
    """
    if text is None:
        return 0
    now = time.time() if now is None else now
    try:
        return max(round((now - parse_duration(text) / 1000) * 1e9), 1)
    except ValueError:
        pass
    day = datetime.fromtimestamp(now).strftime("%Y-%m-%dT") if text[2:3] == ":" else ""
    try:
        return max(round(datetime.fromisoformat(day + text.strip()).timestamp() * 1e9), 1)
    except (ValueError, OverflowError, OSError) as error:
        raise OptionError(
            option, text, "must be a time such as 2026-11-29T20:15 or 20:15, or a span such as 10m"
        ) from error
