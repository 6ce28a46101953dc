"""A hub, its HTTP port, and a run that has not ended."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.component.hub.ingest.ingesting import ROOT_STORE, feed, small_run
from tests.component.hub.processes import Hub, Keeper
from tests.component.hub.web.client import Web


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


@pytest.fixture
def hub(keeper: Keeper) -> Iterator[Hub]:
    with keeper.hub() as hub:
        yield hub


@pytest.fixture
def web(keeper: Keeper, hub: Hub) -> Web:
    return Web(hub, keeper.token)


@pytest.fixture
def end_run(keeper: Keeper, hub: Hub) -> Callable[[], None]:
    """Sends a run that has not ended; the result sends its end."""
    stores = small_run()
    last = stores[ROOT_STORE].events.pop()
    assert asyncio.run(feed(hub.address, stores, token=keeper.token)) == []

    def end() -> None:
        stores[ROOT_STORE].append(last)
        assert asyncio.run(feed(hub.address, stores, token=keeper.token)) == []

    return end
