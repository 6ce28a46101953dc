"""A run on its way into a hub: what arrives, however often the way is cut."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gator.errors import (
    PermissionDeniedError,
    PreconditionError,
    ProtocolError,
    UnauthenticatedError,
    UsageError,
)
from gator.hub_access.address import HubAccess
from gator.store import Store
from gator.upload import stream
from gator.upload.backoff import Timeouts
from gator.upload.protocol import UploadState, UploadStatus
from gator.upload.stores import UploadedRun
from gator.upload.stream import Upload
from gator.v1 import attach_pb2, common_pb2, event_pb2
from tests.component.link.fakes import until
from tests.component.upload.fakes import TOKEN, FakeHub, FakeRun, free_port, serving

QUICK = Timeouts(max_pause=0.1, stalled=0.3)
"""Tests do not wait for hubs as long as runs do."""


class Uploading:
    """An upload that goes on, and what it told."""

    def __init__(self, run: FakeRun, address: Callable[[], str], timeouts: Timeouts = QUICK) -> None:
        self.told: list[UploadStatus] = []
        self.stores = UploadedRun(run.folder)
        self.upload = Upload(
            self.stores, lambda: HubAccess(address(), TOKEN, None), self.told.append, timeouts
        )
        self.task = asyncio.create_task(self.upload.run())

    @property
    def states(self) -> list[UploadState]:
        return [status.state for status in self.told]

    async def finish(self) -> UploadStatus:
        self.upload.end()
        return await asyncio.wait_for(self.task, 10)


@asynccontextmanager
async def uploading(run: FakeRun, address: str, timeouts: Timeouts = QUICK) -> AsyncGenerator[Uploading]:
    going = Uploading(run, lambda: address, timeouts)
    try:
        yield going
    finally:
        going.task.cancel()
        await asyncio.wait({going.task})
        going.stores.close()


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    return FakeRun(tmp_path / "run")


async def test_what_is_too_large_for_a_hub_arrives_cut(run: FakeRun) -> None:
    run.log("root", "before", "x" * 3_000_000, "after")
    run.result()
    run.end()
    hub = FakeHub()
    async with serving(hub) as server, uploading(run, server.address) as going:
        assert (await going.finish()).state is UploadState.DONE
    before, large, after = [
        event.log.text for events in hub.events.values() for event in events if event.HasField("log")
    ]
    assert (before, after) == ("before", "after")
    assert len(large) < 300_000
    assert large.endswith("bytes are left out; the run's own folder has them)")


async def test_everything_of_a_run_that_ended_arrives_and_the_upload_is_done(run: FakeRun) -> None:
    run.log("root", "one", "two")
    run.log("w1", *(f"line {number}" for number in range(3000)))
    run.result()
    run.end()
    hub = FakeHub()
    async with serving(hub) as server, uploading(run, server.address) as going:
        assert (await going.finish()).state is UploadState.DONE
    assert hub.sequences(run.stores["root"].store_id) == [1, 2, 3]
    assert hub.sequences(run.stores["w1"].store_id) == list(range(1, 3001))
    assert hub.results() == {"top": common_pb2.OUTCOME_PASSED}
    assert going.states == [UploadState.CONNECTED, UploadState.DONE]


async def test_a_live_run_is_followed_and_new_stores_are_found(run: FakeRun) -> None:
    run.log("root", "one")
    hub = FakeHub()
    async with serving(hub) as server, uploading(run, server.address) as going:
        await until(lambda: hub.sequences(run.stores["root"].store_id) == [1])
        run.log("w1", "two")
        await until(lambda: hub.sequences(run.stores["w1"].store_id) == [1])
        run.log("w1", "three")
        await until(lambda: hub.sequences(run.stores["w1"].store_id) == [1, 2])
        assert not going.task.done()
        assert (await going.finish()).state is UploadState.DONE
    run.end()


async def test_it_waits_for_a_root_that_has_not_made_its_store_yet(run: FakeRun) -> None:
    hub = FakeHub()
    (run.folder.stores / "w1.db").touch()
    async with serving(hub) as server, uploading(run, server.address) as going:
        await until(lambda: going.stores.open_new() == [])
        run.log("root", "one")
        await until(lambda: hub.sequences(run.stores["root"].store_id) == [1])
    assert not going.stores.unreadable, "an empty store is not unreadable"
    run.end()


async def test_every_event_arrives_exactly_once_however_often_the_way_is_cut(run: FakeRun) -> None:
    run.log("root", "first")
    hub = FakeHub()
    port = free_port()
    async with uploading(run, f"127.0.0.1:{port}") as going:
        for cut in range(5):
            # Once in good order, once as if the hub were killed.
            async with serving(hub, f"127.0.0.1:{port}"):
                await until(lambda cut=cut: hub.attached > cut)
                run.log("root", *(f"{cut} {number}" for number in range(500)))
                run.log("w1", *(f"{cut} {number} {'x' * 2000}" for number in range(300)))
                await until(lambda cut=cut: len(hub.sequences(run.stores["w1"].store_id)) > 300 * cut)
                if cut % 2:
                    hub.cut()
        async with serving(hub, f"127.0.0.1:{port}"):
            assert (await going.finish()).state is UploadState.DONE
    assert hub.sequences(run.stores["root"].store_id) == list(range(1, 2502))
    assert hub.sequences(run.stores["w1"].store_id) == list(range(1, 1501))
    run.end()


@pytest.mark.parametrize(
    ("output", "texts"),
    [("OUTPUT_ALL", {"plain", "bad"}), ("OUTPUT_WARNINGS", {"bad"}), ("OUTPUT_NONE", set[str]())],
)
async def test_the_lines_that_a_user_wants_to_be_kept_are_told_and_only_they_arrive(
    tmp_path: Path, output: str, texts: set[str]
) -> None:
    run = FakeRun(tmp_path / "run", attach_pb2.RunDescription(output=attach_pb2.Output.Value(output)))
    run.log("root", "plain", severity=int(common_pb2.SEVERITY_INFO))
    run.log("root", "bad", severity=int(common_pb2.SEVERITY_WARNING))
    run.result()
    run.end()
    hub = FakeHub()
    async with serving(hub) as server, uploading(run, server.address) as going:
        await going.finish()
    assert hub.hellos[0].description.output == attach_pb2.Output.Value(output)
    came = hub.events[run.stores["root"].store_id]
    assert {event.log.text for event in came if event.HasField("log")} == texts
    assert hub.results() == {"top": common_pb2.OUTCOME_PASSED}


async def test_the_same_run_brought_in_again_sends_nothing(run: FakeRun) -> None:
    run.log("root", "one")
    run.log("w1", "two", "three")
    run.end()
    hub = FakeHub()
    async with serving(hub) as server:
        for expected in (3, 0):
            async with uploading(run, server.address) as going:
                assert (await going.finish()).state is UploadState.DONE
                assert going.stores.read_events == expected
    assert hub.sequences(run.stores["w1"].store_id) == [1, 2]


async def test_a_run_that_is_over_is_brought_as_soon_as_the_hub_answers(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The import does not poll for later events: of thousands of runs each would take that long.
    monkeypatch.setattr(stream, "POLL_SECONDS", 1e6)
    run.log("root", "one")
    run.end()
    hub = FakeHub()
    async with serving(hub) as server:
        for _ in range(2):
            async with uploading(run, server.address) as going:
                assert (await going.finish()).state is UploadState.DONE
    assert hub.sequences(run.stores["root"].store_id) == [1]


async def test_results_that_were_written_for_a_dead_run_come_with_it(run: FakeRun) -> None:
    run.log("root", "one")
    run.end()
    closing = Store.create(
        run.folder.stores / "closing.db",
        store_id=secrets.token_hex(16),
        run=run.run,
        daemon="closing",
        host="here",
        catalogue=False,
        post=lambda call: call(),
    )
    lost = event_pb2.Event(path="top/job")
    lost.result.outcome = common_pb2.OUTCOME_LOST
    closing.append([lost])
    closing.close()
    hub = FakeHub()
    async with serving(hub) as server, uploading(run, server.address) as going:
        await going.finish()
    assert hub.results() == {"top/job": common_pb2.OUTCOME_LOST}


async def test_a_store_of_another_run_is_left_out(run: FakeRun, tmp_path: Path) -> None:
    run.log("root", "one")
    run.end()
    other = FakeRun(tmp_path / "other")
    other.log("w7", "not mine")
    other.end()
    (other.folder.stores / "w7.db").rename(run.folder.stores / "w7.db")
    hub = FakeHub()
    async with serving(hub) as server, uploading(run, server.address) as going:
        assert (await going.finish()).state is UploadState.DONE
        assert list(going.stores.unreadable) == [run.folder.stores / "w7.db"]
    assert list(hub.events) == [run.stores["root"].store_id]


# -- a hub in trouble


async def test_an_absent_hub_is_told_once_and_tried_until_it_is_there(run: FakeRun) -> None:
    run.log("root", "one")
    hub = FakeHub()
    port = free_port()
    async with uploading(run, f"127.0.0.1:{port}") as going:
        await until(lambda: going.told)
        run.log("root", "two")
        async with serving(hub, f"127.0.0.1:{port}"):
            assert (await going.finish()).state is UploadState.DONE
    assert going.states == [UploadState.AWAY, UploadState.CONNECTED, UploadState.DONE]
    assert going.told[0].why == "Connection refused"
    assert hub.sequences(run.stores["root"].store_id) == [1, 2]
    run.end()


async def test_a_hub_that_acks_nothing_counts_as_away_until_it_does(run: FakeRun) -> None:
    run.log("root", "one")
    hub = FakeHub()
    hub.acking = False
    async with serving(hub) as server, uploading(run, server.address) as going:
        await until(lambda: going.states == [UploadState.CONNECTED, UploadState.AWAY])
        going.upload.end()
        run.log("root", "two")
        await until(lambda: len(hub.sequences(run.stores["root"].store_id)) == 1)
        assert not going.task.done()
        hub.acking = True
        hub.cut()
        assert (await going.finish()).state is UploadState.DONE
    assert hub.sequences(run.stores["root"].store_id) == [1, 2]
    run.end()


async def test_a_hub_that_never_answers_the_hello_is_given_up_and_tried_again(
    run: FakeRun,
) -> None:
    run.log("root", "one")
    taken: list[asyncio.StreamWriter] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)
        await reader.read()

    deaf = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = deaf.sockets[0].getsockname()[1]
    async with uploading(run, f"127.0.0.1:{port}", Timeouts(welcome=0.2)) as going:
        await until(lambda: len(taken) > 1)
        assert going.states == [UploadState.AWAY]
        for writer in taken:
            writer.close()
        deaf.close()
    run.end()


@pytest.mark.parametrize(
    "refusal",
    [
        UnauthenticatedError("who are you"),
        PermissionDeniedError("it belongs to another user"),
        PreconditionError("another run has its id"),
        ProtocolError("a root names its store"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_hub_that_refuses_is_not_asked_again(run: FakeRun, refusal: Exception) -> None:
    run.log("root", "one")
    hub = FakeHub()
    hub.refusal = refusal
    async with serving(hub) as server, uploading(run, server.address) as going:
        status = await asyncio.wait_for(going.task, 10)
    is_stranger = isinstance(refusal, UnauthenticatedError)
    state = UploadState.UNAUTHENTICATED if is_stranger else UploadState.REFUSED
    assert status == UploadStatus(state, str(refusal))
    assert going.told == [status]
    run.end()


async def test_a_way_that_is_not_known_yet_is_asked_for_again(run: FakeRun) -> None:
    run.log("root", "one")
    hub = FakeHub()
    known: list[str] = []

    def address() -> str:
        if not known:
            raise UsageError("cannot read the file with the token")
        return known[0]

    async with serving(hub) as server:
        going = Uploading(run, address)
        await until(lambda: going.states == [UploadState.AWAY])
        known.append(server.address)
        assert (await going.finish()).state is UploadState.DONE
        going.stores.close()
    run.end()


async def test_a_record_that_cannot_be_read_any_more_ends_the_upload(run: FakeRun) -> None:
    run.log("root", "one")
    hub = FakeHub()
    async with serving(hub) as server, uploading(run, server.address) as going:
        await until(lambda: going.states == [UploadState.CONNECTED])
        going.stores.close()
        status = await asyncio.wait_for(going.task, 10)
    assert status.state is UploadState.FAILED
    assert "root.db" in status.why
    run.end()
