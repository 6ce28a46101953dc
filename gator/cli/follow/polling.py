"""Polls what a node writes until it has ended.

Invariant: the last round begins after the node has ended, so that nothing is missed.
"""

import time
from collections.abc import Iterator

from msgspec import Struct

from gator.cli.sources.open import OpenRun
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

POLL_SECONDS = 0.1
"""Time in seconds between two rounds when there was nothing new. Each round queries every live job once."""
_FINAL_STATES = (query_pb2.RUN_STATE_ENDED, query_pb2.RUN_STATE_DIED)


class Poll(Struct):
    """One round of reading the output of a node."""

    is_last: bool
    """Whether the node had ended before this round. The reader clears it if more may arrive."""
    has_news: bool = False
    """Set by the reader; the next round then follows at once."""


def has_ended(opened: OpenRun, path: str) -> bool:
    """Returns whether a node has ended, or its run has died and will write no more."""
    if opened.run.state in _FINAL_STATES or not opened.source.is_live():
        return True
    node = opened.api.get_node(qs.GetNodeRequest(path=path)).node
    return node.state == query_pb2.NODE_STATE_ENDED


def polls(opened: OpenRun, path: str, *, follow: bool) -> Iterator[Poll]:
    """Yields rounds until a node has ended; only one without `follow`."""
    while True:
        poll = Poll(is_last=not follow or has_ended(opened, path))
        yield poll
        if poll.is_last:
            return
        if not poll.has_news:
            time.sleep(POLL_SECONDS)
