"""Runs that are brought into a hub from their folders: hubs that are not there, and counts."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from gator.cli.commands.hub import import_runs
from gator.cli.runs.hub_choice import HubChoice
from gator.errors import UnauthenticatedError, UsageError
from gator.upload.stores import UploadedRun
from gator.v1 import attach_pb2
from tests.component.upload import peers
from tests.component.upload.fakes import TOKEN, FakeHub, FakeRun, free_port, serving


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    monkeypatch.setenv("GATOR_HUB_TOKEN", TOKEN)
    # A test with a waiting process does not end.
    monkeypatch.setattr(import_runs, "AWAY_SECONDS", float("inf"))
    run = FakeRun(tmp_path / "run")
    run.log("root", "one", "two")
    run.result()
    run.end()
    return run


def bring(run: FakeRun, address: str) -> int:
    return import_runs.import_runs([run.folder.path], HubChoice(address), follow=False, json=False)


def test_where_nobody_listens_nobody_is_waited_for(run: FakeRun) -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(UsageError) as caught:
        bring(run, address)
    assert str(caught.value) == (
        f"no hub listens at {address}: start one with gator hub serve -P {address.rpartition(':')[2]}, "
        "or name another with --hub ADDRESS"
    )


def test_a_host_that_nobody_knows_is_not_waited_for(run: FakeRun) -> None:
    with pytest.raises(UsageError, match=r"cannot query the hub at .*: no host of this name is known: "):
        bring(run, "no-such-host.invalid:8080")


async def test_a_hub_with_tls_is_not_waited_for_without(run: FakeRun, tmp_path: Path) -> None:
    async with peers.serving_grpc(None, peers.certificate(tmp_path)[:2]) as address:
        with pytest.raises(UsageError, match=r"cannot query the hub at .*: it hangs up at once: use"):
            await asyncio.to_thread(partial(bring, run, address))


async def test_a_hub_that_was_there_is_waited_for(
    run: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_runs, "AWAY_SECONDS", 0.2)
    later = FakeRun(tmp_path / "run2")
    later.log("root", "one")
    later.end()
    hub = FakeHub()
    async with serving(hub) as server:
        access = HubChoice(server.address).access()
        target = import_runs._Target(access)  # pyright: ignore[reportPrivateUsage]
        one = import_runs._Import(import_runs.found_runs(run.folder.path)[0], target, json=False)  # pyright: ignore[reportPrivateUsage]
        assert await one.send(follow=False)
    assert target.reached
    two = import_runs._Import(import_runs.found_runs(later.folder.path)[0], target, json=False)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(import_runs._AwayError, match="Connection refused"):  # pyright: ignore[reportPrivateUsage]
        await two.send(follow=False)
    assert capsys.readouterr().out == "run: 3 events\n"


async def test_whose_token_is_refused_is_told_once_for_all_runs(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATOR_HUB_TOKEN", "wrong")
    async with serving(FakeHub()) as server:
        with pytest.raises(UnauthenticatedError) as refused:
            await asyncio.to_thread(partial(bring, run, server.address))
        assert str(refused.value) == (
            f"the hub at {server.address} rejects the token in GATOR_HUB_TOKEN: "
            "ask the hub's administrator for a token"
        )


def test_events_that_are_read_again_count_once(run: FakeRun) -> None:
    stores = UploadedRun(run.folder)
    (store,) = stores.open_new()
    states, logs = (
        attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_RESULT]),
        attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_LOG]),
    )
    counts = list[int]()
    for after, wanted, limit in (
        (0, logs, 1),
        (0, logs, 10),
        (0, states, 10),
        (1, logs, 10),
        (0, states, 10),
    ):
        store.read(after, wanted, limit)
        counts.append(stores.read_events)
    stores.close()
    assert counts == [1, 2, 3, 3, 3]
