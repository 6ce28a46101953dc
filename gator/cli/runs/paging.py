"""Reads lists page by page.

Invariant: only an empty token ends a list; a page may be empty and have a next one.
"""

from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeVar

from gator.cli.runs.api import RunApi
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

MAX_PAGE: Final = 1000
"""Maximum number of entries in a page."""


class _Request(Protocol):
    """A request for a page."""

    page_token: str


class _Page(Protocol):
    """A page."""

    next_page_token: str


Request = TypeVar("Request", bound=_Request)
Page = TypeVar("Page", bound=_Page)


def pages(query: Callable[[Request], Page], request: Request) -> Iterator[Page]:
    """Yields the pages of a list, beginning with that of the request, which then names the last page."""
    while True:
        page = query(request)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def listed_nodes(
    api: RunApi, request: qs.ListNodesRequest, limit: int | None
) -> tuple[Iterator[query_pb2.Node], Callable[[], int]]:
    """Returns nodes, and a function that requests their total number.

    The first page has up to `limit` nodes and one more.
    """
    request.page_size = min(limit + 1, MAX_PAGE) if limit else 0
    counted = qs.ListNodesRequest()
    counted.CopyFrom(request)
    counted.with_waiting, counted.with_total, counted.page_size = False, True, 1
    nodes = (node for page in pages(api.list_nodes, request) for node in page.nodes)
    return nodes, lambda: api.list_nodes(counted).total
