"""Lists that come in pages. Rule: a page may be empty and have a next one; only an empty token is the end."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar


class _Asked(Protocol):
    """A request for a page."""

    page_token: str


class _Given(Protocol):
    """A page."""

    next_page_token: str


Asked = TypeVar("Asked", bound=_Asked)
Given = TypeVar("Given", bound=_Given)


def pages(ask: Callable[[Asked], Given], request: Asked) -> Iterator[Given]:
    """The pages of a list from the one on that a request names; afterwards it names the last one."""
    while True:
        page = ask(request)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
