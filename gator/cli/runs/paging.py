"""Lists that come in pages. Rule: a page may be empty and have a next one; only an empty token is the end."""

from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeVar

from gator.cli.runs.api import RunApi
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

MAX_PAGE: Final = 1000
"""Maximum number of entries in a page."""


class _Asked(Protocol):
    """A request for a page."""

    page_token: str


class _Given(Protocol):
    """A page."""

    next_page_token: str


Asked = TypeVar("Asked", bound=_Asked)
Given = TypeVar("Given", bound=_Given)


def pages(ask: Callable[[Asked], Given], request: Asked) -> Iterator[Given]:
    """Yields the pages of a list from the one on that a request names; afterwards it names the last one."""
    while True:
        page = ask(request)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def listed_nodes(
    ask: RunApi, wanted: qs.ListNodesRequest, limit: int | None
) -> tuple[Iterator[query_pb2.Node], Callable[[], int]]:
    """Returns nodes, and a function that asks for the number of all of them.

    Up to `limit` nodes and one more come in the first page.
    """
    wanted.page_size = min(limit + 1, MAX_PAGE) if limit else 0
    counted = qs.ListNodesRequest()
    counted.CopyFrom(wanted)
    counted.with_waiting, counted.with_total, counted.page_size = False, True, 1
    nodes = (node for page in pages(ask.list_nodes, wanted) for node in page.nodes)
    return nodes, lambda: ask.list_nodes(counted).total
