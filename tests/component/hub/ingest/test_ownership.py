"""The owner of a run: proven by the key of the run, whichever upload was first; an owner may give it away."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gator.core.run_key import run_id_of
from gator.errors import GatorError, NotFoundError, PermissionDeniedError, ProtocolError, UserError
from gator.link.uplink import Uplink
from gator.v1 import attach_pb2, hub_service_pb2_grpc
from gator.v1 import hub_service_pb2 as hs
from tests.component.hub.ingest.ingesting import (
    DAEMON_STORE,
    ROOT_STORE,
    Hub,
    declared,
    feed,
    hello,
    hub,
    kept,
    log,
    result,
    small_run,
)
from tests.component.hub.processes import Keeper
from tests.component.hub.server.test_server_access import ask
from tests.component.link.fakes import Child, MemoryStore, until

KEY = b"k" * 32
RUN = run_id_of(KEY)
OTHER_KEY = b"o" * 32
OTHER_RUN = run_id_of(OTHER_KEY)
OWNER, STRANGER = "ada-token", "bob-token"


def said(key: bytes = b"", run: str = RUN, store: str = ROOT_STORE) -> attach_pb2.Hello:
    words = hello(run, store)
    words.run_key = key
    return words


def forged() -> dict[str, MemoryStore]:
    """What a stranger says of the run, under the ids of its stores."""
    root, daemon = MemoryStore(), MemoryStore()
    root.append(declared("top"), declared("top/lie"), result("top/lie"), result("top"))
    daemon.append(log("top/lie", "not from the run"))
    return {ROOT_STORE: root, DAEMON_STORE: daemon}


def owners(there: Hub) -> list[tuple[str, str, int]]:
    """Id, owner and proof of the runs that are shown."""
    return there.database.query("SELECT run, owner, proven FROM runs WHERE deleted = 0 ORDER BY run")


def is_whole(there: Hub, stores: dict[str, MemoryStore]) -> bool:
    return sorted(there.events(RUN)) == sorted(kept(stores))


async def test_who_comes_with_the_key_gets_the_run_of_a_stranger_who_was_first(
    database_url: str, tmp_path: Path
) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, forged(), token=STRANGER, said=said()) == []
        assert owners(there) == [(RUN, "bob", 0)]
        assert await feed(there.address, stores, token=OWNER, said=said(KEY)) == []
        assert owners(there) == [(RUN, "ada", 1)]
        assert is_whole(there, stores)
        assert there.database.query("SELECT count(*) FROM runs WHERE deleted = 1") == [(1,)]
        (lost,) = await feed(there.address, forged(), token=STRANGER, said=said())
        assert isinstance(lost, PermissionDeniedError)
        assert is_whole(there, stores)


async def test_a_stranger_who_comes_later_is_refused(database_url: str, tmp_path: Path) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, stores, token=OWNER, said=said(KEY)) == []
        (lost,) = await feed(there.address, forged(), token=STRANGER, said=said())
        assert isinstance(lost, PermissionDeniedError)
        assert "run.key" in str(lost)
        (lost,) = await feed(there.address, forged(), token=STRANGER, said=said(OTHER_KEY))
        assert isinstance(lost, ProtocolError)
        assert owners(there) == [(RUN, "ada", 1)]
        assert is_whole(there, stores)


async def test_owner_and_strangers_at_once_end_with_the_run_of_the_owner(
    database_url: str, tmp_path: Path
) -> None:
    stores = small_run(200)
    async with hub(database_url, tmp_path) as there:
        attacks = [feed(there.address, forged(), token=STRANGER, said=said()) for _ in range(8)]
        mine = feed(there.address, stores, token=OWNER, said=said(KEY))
        *_, lost = await asyncio.wait_for(asyncio.gather(*attacks, mine), 60)
        assert lost == []
        assert owners(there) == [(RUN, "ada", 1)]
        assert is_whole(there, stores)


async def test_a_stream_that_feeds_a_copy_ends_when_the_run_itself_comes(
    database_url: str, tmp_path: Path
) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        child, lie = Child(), forged()
        uplink = Uplink(there.address, said(), STRANGER, lie[ROOT_STORE], child)
        copying = asyncio.create_task(uplink.run())
        await until(lambda: there.database.query("SELECT count(*) FROM subjects") == [(2,)])
        assert await feed(there.address, stores, token=OWNER, said=said(KEY)) == []
        await asyncio.wait_for(copying, 30)
        assert [type(error) for error in child.lost] == [PermissionDeniedError]
        assert "was replaced by the run itself" in str(child.lost[0])
        assert owners(there) == [(RUN, "ada", 1)]
        assert is_whole(there, stores)


async def test_who_names_the_store_of_another_run_locks_nobody_out(database_url: str, tmp_path: Path) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, forged(), token=STRANGER, said=said(OTHER_KEY, OTHER_RUN)) == []
        assert await feed(there.address, stores, token=OWNER, said=said(KEY)) == []
        assert is_whole(there, stores)
        assert sorted(there.events(OTHER_RUN)) == sorted(kept(forged()))


async def test_a_copy_becomes_the_run_when_its_owner_comes_with_the_key(
    database_url: str, tmp_path: Path
) -> None:
    stores = small_run()
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, stores, said=said()) == []
        ((before,),) = there.database.query("SELECT id FROM runs")
        assert await feed(there.address, stores, said=said(KEY)) == []
        assert there.database.query("SELECT id, proven FROM runs") == [(before, 1)]
        assert is_whole(there, stores)


async def test_the_key_is_kept_nowhere(database_url: str, tmp_path: Path) -> None:
    async with hub(database_url, tmp_path) as there:
        assert await feed(there.address, small_run(), said=said(KEY)) == []
        ((description,),) = there.database.query("SELECT description FROM descriptions")
        assert KEY not in bytes(description)
        row = there.database.query("SELECT * FROM runs")
        assert KEY.hex() not in repr(row)
        assert repr(KEY) not in repr(row)


ADA, BOB, EVE = "ada-" + "1" * 32, "bob-" + "2" * 32, "eve-" + "3" * 32


def give(user: str) -> Callable[[Any, Any], Any]:
    request = hs.GiveRunRequest(run=RUN, user=user)
    return lambda channel, how: hub_service_pb2_grpc.HubServiceStub(channel).GiveRun(request, **how)


def owner(channel: Any, how: Any) -> str:
    stub = hub_service_pb2_grpc.HubServiceStub(channel)
    (run,) = stub.ListRuns(hs.ListRunsRequest(), **how).runs
    return run.owner


def pin(channel: Any, how: Any) -> Any:
    request = hs.PinRunRequest(run=RUN, pinned=True)
    return hub_service_pb2_grpc.HubServiceStub(channel).PinRun(request, **how)


@pytest.fixture
def tokens(tmp_path: Path) -> str:
    file = tmp_path / "tokens"
    file.write_text(f"ada:{ADA}\nbob:{BOB}\neve:{EVE}\n")
    file.chmod(0o600)
    return str(file)


def test_the_owner_gives_a_run_away_and_goes_on_feeding_it(tmp_path: Path, tokens: str) -> None:
    stores = small_run()
    with Keeper(tmp_path).hub("--token-file", tokens) as server:
        assert asyncio.run(feed(server.address, stores, token=ADA, said=said(KEY))) == []
        refused: list[tuple[str, Callable[[Any, Any], Any], type[GatorError | UserError]]] = [
            (BOB, give("bob"), PermissionDeniedError),
            (ADA, give("stranger"), NotFoundError),
        ]
        for token, call, error in refused:
            with pytest.raises(error):
                ask(server.address, call, token)
        assert ask(server.address, owner, EVE) == "ada"
        ask(server.address, give("bob"), ADA)
        assert ask(server.address, owner, EVE) == "bob"
        ask(server.address, pin, BOB)
        with pytest.raises(PermissionDeniedError, match="bob"):
            ask(server.address, pin, ADA)
        stores[DAEMON_STORE].append(log("top/x[3]", "late"))
        assert asyncio.run(feed(server.address, stores, token=ADA, said=said(KEY))) == []
        ask(server.address, pin, BOB)
        assert len(server.logged("given to bob by ada")) == 1
        assert server.end() == 0


def test_an_administrator_gives_runs_of_others_away(tmp_path: Path, tokens: str) -> None:
    wrong = Keeper(tmp_path).call("serve", "--token-file", tokens, "--admin", "stranger", "--port", "0")
    assert wrong.returncode == 2
    assert "--admin stranger" in wrong.stderr
    with Keeper(tmp_path).hub("--token-file", tokens, "--admin", "eve") as server:
        assert asyncio.run(feed(server.address, small_run(), token=ADA, said=said(KEY))) == []
        with pytest.raises(PermissionDeniedError):
            ask(server.address, give("bob"), BOB)
        ask(server.address, give("bob"), EVE)
        ask(server.address, pin, BOB)
        assert server.end() == 0
