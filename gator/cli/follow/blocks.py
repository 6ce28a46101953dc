"""Reads the output of jobs block by block.

Invariant: a block is yielded once.
"""

from collections.abc import Iterator

from gator.cli.follow.polling import polls
from gator.cli.runs.paging import pages
from gator.cli.sources.open import OpenRun
from gator.v1 import attach_pb2, event_pb2
from gator.v1 import query_service_pb2 as qs

_PAGE = 32
"""Number of blocks in a page; the last page is read again to find new blocks."""


def blocks(opened: OpenRun, path: str, attempt: int, *, follow: bool) -> Iterator[event_pb2.Block]:
    """Yields the blocks of an attempt; with `follow` also those that arrive until its end."""
    watch = opened.source.watch if follow else None
    if watch is None:
        return _polled(opened, path, attempt, follow=follow)
    from gator.cli.follow.job import follow_blocks

    return follow_blocks(watch, path, attempt)


def _polled(opened: OpenRun, path: str, attempt: int, *, follow: bool) -> Iterator[event_pb2.Block]:
    last_seqs: dict[str, int] = {}
    request = qs.ListEventsRequest(
        path=path,
        scope=qs.SCOPE_NODE,
        attempt=attempt,
        kinds=[attach_pb2.EVENT_KIND_BLOCK],
        page_size=_PAGE,
    )
    for poll in polls(opened, path, follow=follow):
        # `pages` leaves the token of the last page in the request, so the next round begins with that page.
        for page in pages(opened.api.list_events, request):
            for stored in page.events:
                if stored.event.seq > last_seqs.get(stored.store, 0):
                    last_seqs[stored.store] = stored.event.seq
                    poll.has_news = True
                    yield stored.event.block
