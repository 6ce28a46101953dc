"""Tells who follows a run on a hub that the run is away. Rule: it only tells; what is followed is waited for.

A stream of events says nothing while nothing comes, so the run is asked for beside it.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from gator.cli import output
from gator.cli.sources.open import OpenRun
from gator.errors import GatorError, UserError
from gator.v1 import query_pb2

LOOK_SECONDS = 1.0
"""The run is asked for so often; after two looks in a row that find it away it is told."""


@contextmanager
def telling_of_absence(opened: OpenRun) -> Generator[None]:
    """Meanwhile, say on stderr when the run is not connected to its hub: once for each time."""
    if opened.home.watch is None:
        yield
        return
    told = is_away(opened.run)
    if told:
        _tell(opened.run)
    over = threading.Event()
    threading.Thread(target=_look, args=(opened, over), kwargs={"told": told}, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def is_away(run: query_pb2.Run) -> bool:
    """Returns whether a run has neither ended nor is connected to the hub that has it."""
    return run.state == query_pb2.RUN_STATE_UNSPECIFIED and run.heard_unix_nanos > 0


def _look(opened: OpenRun, over: threading.Event, *, told: bool) -> None:
    before = told
    while not over.wait(LOOK_SECONDS):
        try:
            run = opened.now()
        except (GatorError, UserError):
            continue  # the hub itself is away: who follows notices, and tells
        except ValueError:
            return  # the channel was closed just now, so nobody follows any more
        away = is_away(run)
        # A hub that has just started has not been dialled by anybody yet.
        if away and before and not told:
            _tell(run)
        told = away and (told or before)
        before = away


def _tell(run: query_pb2.Run) -> None:
    since = output.moment(run.heard_unix_nanos)
    output.complain(
        f"gator: the run lost its connection to the hub at {since}: waiting for it (Ctrl-C stops waiting)"
    )
