"""Processes that die, peers that are not there, and streams that say nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio

from gator import errors
from gator.link import session
from gator.link.uplink import Uplink, _CallStream  # pyright: ignore[reportPrivateUsage]
from gator.v1 import attach_pb2
from tests.component.link.fakes import (
    DAEMON_TOKEN,
    Child,
    ChildLink,
    MemoryStore,
    Parent,
    hello,
    raw,
    serving,
    until,
)

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys
from pathlib import Path
from gator.link.uplink import Uplink
from tests.component.link.fakes import DAEMON_TOKEN, Child, MemoryStore, Parent, hello, serving
async def child(address):
    await Uplink(address, hello(), DAEMON_TOKEN, MemoryStore(), Child()).run()
async def parent(folder):
    async with serving(Parent(), Path(folder)):
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(globals()[sys.argv[1]](sys.argv[2]))
"""


def start(*args: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *args],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_a_child_that_is_killed_is_detached(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder) as server:
        process = start("child", server.address)
        try:
            await until(lambda: parent.children)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        await until(lambda: parent.detached == parent.children)


async def test_a_parent_that_is_killed_is_lost_and_its_socket_can_be_served_again(folder: Path) -> None:
    process = start("parent", str(folder))
    child = Child()
    try:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "ready\n"
        uplink = Uplink(f"unix:{folder / 's'}", hello(), DAEMON_TOKEN, MemoryStore(), child)
        run = asyncio.create_task(uplink.run())
        await until(lambda: child.welcome)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    await run
    assert isinstance(child.lost[0], errors.UnavailableError)
    # A task that waits for the end continues too.
    await uplink.finish()
    parent = Parent()
    async with serving(parent, folder) as server, raw(server, DAEMON_TOKEN) as again:
        await again.send(attach_pb2.AttachRequest(hello=hello()))
        assert (await again.read()).WhichOneof("message") == "welcome"


async def test_a_parent_that_is_not_there_is_lost_at_once(folder: Path) -> None:
    child = Child()
    await Uplink(f"unix:{folder / 'none'}", hello(), DAEMON_TOKEN, MemoryStore(), child).run()
    assert [type(error) for error in child.lost] == [errors.UnavailableError]


async def test_a_stream_without_a_hello_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HELLO_SECONDS", 0.05)
    async with serving(Parent(), folder) as server, raw(server, "") as child:
        code, error = await child.status()
        assert code == "UNAVAILABLE"
        assert "no hello" in str(error)


async def test_a_child_that_is_closed_gets_what_was_queued_and_then_the_status(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder):
        child = Child()
        uplink = Uplink(f"unix:{folder / 's'}", hello(), DAEMON_TOKEN, MemoryStore(), child)
        run = asyncio.create_task(uplink.run())
        await until(lambda: parent.children)
        link: ChildLink = parent.children[0]
        for _ in range(100):
            link.send(attach_pb2.AttachResponse(launch=attach_pb2.Launch()))
        link.close(errors.PreconditionError("this daemon was given up: end it"))
        link.close()
        await run
    assert len(child.messages) == 100
    assert [str(error) for error in child.lost] == ["this daemon was given up: end it"]


async def test_newer_acks_replace_older_ones_that_wait(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder) as server, raw(server, DAEMON_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello()))
        await child.read()
        link = parent.children[0]
        for seq in range(1000):
            position = attach_pb2.StorePosition(store="s1", seq=seq)
            link.send(attach_pb2.AttachResponse(ack=attach_pb2.Ack(subscription=1, position=position)))
        link.send(attach_pb2.AttachResponse(drain=attach_pb2.Drain()))
        assert (await child.read()).WhichOneof("message") == "drain"
        assert (await child.read()).ack.position.seq == 999


async def test_the_first_status_of_a_call_is_kept() -> None:
    """Grpcio calls back again with INTERNAL if a write fails after the peer has ended the call."""
    call = EndedCall(grpc.StatusCode.PERMISSION_DENIED, "not yours")
    stream = _CallStream(call)
    call.on_done(call)
    call.status = grpc.StatusCode.INTERNAL, "Internal error from Core"
    call.on_done(call)
    with pytest.raises(errors.PermissionDeniedError, match="not yours"):
        await stream.write(attach_pb2.AttachRequest())


class EndedCall:
    """A call that its peer has ended; each write raises the status."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self.status = code, details
        self.on_done: Callable[[Any], None] = lambda _: None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.on_done = callback

    async def code(self) -> grpc.StatusCode:
        return self.status[0]

    async def details(self) -> str:
        return self.status[1]

    async def initial_metadata(self) -> aio.Metadata:
        return aio.Metadata()

    async def trailing_metadata(self) -> aio.Metadata:
        return aio.Metadata()

    async def write(self, message: attach_pb2.AttachRequest) -> None:
        del message
        raise aio.AioRpcError(self.status[0], aio.Metadata(), aio.Metadata(), self.status[1])
