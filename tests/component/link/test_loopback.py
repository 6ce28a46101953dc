"""The loopback carries the same messages under the same rules as gRPC."""

import asyncio

import pytest

from gator import errors
from gator.link.loopback import join
from gator.link.uplink import Uplink
from gator.v1 import attach_pb2 as pb
from tests.component.link.fakes import (
    DAEMON_TOKEN,
    JOB_TOKEN,
    Child,
    Consumer,
    MemoryStore,
    Parent,
    hello,
    log,
    until,
)


def uplink_of(child: Child, store: MemoryStore) -> Uplink:
    return Uplink("", hello(), "", store, child)


async def test_events_flow_up_and_decisions_down_until_the_child_is_drained() -> None:
    store = MemoryStore()
    store.append(*(log("x" * 1000) for _ in range(5000)))
    parent, child = Consumer(), Child()
    uplink = uplink_of(child, store)
    joined = asyncio.create_task(join(parent, uplink, DAEMON_TOKEN))
    await until(lambda: parent.children)
    parent.children[0].send(pb.AttachResponse(drain=pb.Drain()))
    await until(lambda: child.messages)
    await uplink.finish()
    await joined
    assert [event.seq for event in parent.events] == list(range(1, 5001))
    assert parent.detached == parent.children
    assert not child.lost


async def test_a_bad_token_is_refused() -> None:
    parent, child = Parent(), Child()
    await join(parent, uplink_of(child, MemoryStore()), JOB_TOKEN)
    assert isinstance(child.lost[0], errors.UnauthenticatedError)
    assert not parent.children


async def test_roles_are_checked_in_both_directions() -> None:
    parent, child = Parent(), Child()
    uplink = uplink_of(child, MemoryStore())
    with pytest.raises(errors.ProtocolError):
        uplink.send(pb.AttachRequest(lease_request=pb.LeaseRequest()))
    joined = asyncio.create_task(join(parent, uplink, DAEMON_TOKEN))
    await until(lambda: parent.children)
    with pytest.raises(errors.ProtocolError):
        parent.children[0].send(pb.AttachResponse(grant=pb.Grant()))
    # A parent of ours refuses to send it, so a strange one is played.
    parent.children[0].hello = hello(pb.ROLE_TIER)
    parent.children[0].send(pb.AttachResponse(grant=pb.Grant()))
    await joined
    assert isinstance(child.lost[0], errors.ProtocolError)
    assert parent.detached == parent.children


async def test_a_parent_may_end_the_stream_with_an_error() -> None:
    parent, child = Parent(), Child()
    joined = asyncio.create_task(join(parent, uplink_of(child, MemoryStore()), DAEMON_TOKEN))
    await until(lambda: parent.children)
    parent.children[0].send(pb.AttachResponse(drain=pb.Drain()))
    parent.children[0].close(errors.PreconditionError("the run is over"))
    await joined
    assert [message.WhichOneof("message") for message in child.messages] == ["drain"]
    assert isinstance(child.lost[0], errors.PreconditionError)
    assert parent.detached == parent.children


async def test_a_handler_that_waits_slows_the_child_down() -> None:
    gate = asyncio.Event()

    class Slow(Parent):
        async def _pause(self) -> None:
            await gate.wait()

        def on_message(self, child: object, message: pb.AttachRequest) -> object:  # type: ignore[override]
            self.messages.append(message)
            return self._pause()

    parent, child = Slow(), Child()
    uplink = uplink_of(child, MemoryStore())
    joined = asyncio.create_task(join(parent, uplink, DAEMON_TOKEN))  # type: ignore[arg-type]
    for _ in range(500):
        uplink.send(pb.AttachRequest(recalled=pb.Recalled()))
    await until(lambda: parent.messages)
    assert len(parent.messages) == 1
    gate.set()
    await until(lambda: len(parent.messages) == 500)
    await uplink.finish()
    await joined
