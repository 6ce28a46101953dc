"""Warns a user who follows a run on a hub when the run is not connected to the hub.

A stream of events does not show this, so a thread asks for the state of the run.

Invariant: a warning does not end the following.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from gator.cli import output
from gator.cli.sources.open import OpenRun
from gator.console import describe
from gator.errors import GatorError, UserError
from gator.v1 import query_pb2

POLL_SECONDS = 1.0
"""Time in seconds between two queries; two in a row must find the run disconnected before the warning."""


@contextmanager
def warning_of_absence(opened: OpenRun) -> Generator[None]:
    """Prints a warning on stderr each time the run loses its connection to the hub, within the context."""
    if opened.source.watch is None:
        yield
        return
    warned = is_away(opened.run)
    if warned:
        _warn(opened.run)
    over = threading.Event()
    threading.Thread(target=_poll, args=(opened, over), kwargs={"warned": warned}, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def is_away(run: query_pb2.Run) -> bool:
    """Returns whether a run has not ended and is not connected to the hub that has it."""
    return run.state == query_pb2.RUN_STATE_UNSPECIFIED and run.last_seen_unix_nanos > 0


def _poll(opened: OpenRun, over: threading.Event, *, warned: bool) -> None:
    before = warned
    while not over.wait(POLL_SECONDS):
        try:
            run = opened.now()
        except (GatorError, UserError):
            continue  # The hub itself is not reachable, which the following command reports.
        except ValueError:
            return  # The channel is closed, because the following has ended.
        away = is_away(run)
        # Runs connect again only some time after a hub has started.
        if away and before and not warned:
            _warn(run)
        warned = away and (warned or before)
        before = away


def _warn(run: query_pb2.Run) -> None:
    since = describe.moment(run.last_seen_unix_nanos)
    output.warn(
        f"gator: the run lost its connection to the hub at {since}: waiting for it (Ctrl-C stops waiting)"
    )
