"""Each numbered sentence of the comment on ParentService, over real gRPC."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from gator import errors
from gator.core.tokens import Audience
from gator.link import roles
from gator.link.server import ATTACH
from gator.link.uplink import Uplink
from gator.rpc.channel import bearer, open_channel
from gator.v1 import attach_pb2
from tests.component.link.fakes import (
    DAEMON_TOKEN,
    JOB_TOKEN,
    PATH,
    TOKENS,
    Child,
    Consumer,
    MemoryStore,
    Parent,
    Raw,
    hello,
    log,
    raw,
    record,
    serving,
    until,
)

CLIENT, WRAPPERS, TIER, ROOT = (
    attach_pb2.ROLE_CLIENT,
    attach_pb2.ROLE_WRAPPERS,
    attach_pb2.ROLE_TIER,
    attach_pb2.ROLE_ROOT,
)
ALL_ROLES = (CLIENT, WRAPPERS, TIER, ROOT)


def token_for(role: attach_pb2.Role.ValueType) -> str:
    return JOB_TOKEN if role == CLIENT else DAEMON_TOKEN


def said(name: str) -> attach_pb2.AttachRequest:
    request = attach_pb2.AttachRequest()
    getattr(request, name).SetInParent()
    return request


def told(name: str) -> attach_pb2.AttachResponse:
    response = attach_pb2.AttachResponse()
    getattr(response, name).SetInParent()
    return response


async def test_1_the_first_message_of_a_child_is_hello_and_of_a_parent_welcome(folder: Path) -> None:
    parent = Consumer()
    async with serving(parent, folder) as server, raw(server, DAEMON_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello()))
        assert (await child.read()).WhichOneof("message") == "welcome"
        assert (await child.read()).WhichOneof("message") == "subscribe"
        assert parent.children[0].hello.id == "d1"


async def test_2_another_first_message_ends_the_stream(folder: Path) -> None:
    async with serving(Parent(), folder) as server, raw(server, DAEMON_TOKEN) as child:
        await child.send(said("tip"))
        code, error = await child.status()
        assert code == "INVALID_ARGUMENT"
        assert isinstance(error, errors.ProtocolError)


async def test_2_a_second_hello_ends_the_stream(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder) as server, raw(server, DAEMON_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello()), attach_pb2.AttachRequest(hello=hello()))
        assert (await child.status())[0] == "INVALID_ARGUMENT"
        await until(lambda: parent.detached)


@pytest.mark.parametrize("role", [attach_pb2.ROLE_UNSPECIFIED, 99])
async def test_2_a_role_that_is_not_known_ends_the_stream(
    folder: Path, role: attach_pb2.Role.ValueType
) -> None:
    async with serving(Parent(), folder) as server, raw(server, DAEMON_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello(role)))
        assert (await child.status())[0] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("role", ALL_ROLES)
async def test_3_a_child_may_send_only_what_its_role_allows(
    folder: Path, role: attach_pb2.Role.ValueType
) -> None:
    parent = Parent()
    async with serving(parent, folder) as server:
        for name, allowed in roles.CHILD_MAY.items():
            parent.messages.clear()
            async with raw(server, token_for(role)) as child:
                await child.send(attach_pb2.AttachRequest(hello=hello(role)), said(name))
                if role in allowed and name == "part":
                    # The first of them was empty, as a whole message is that says nothing.
                    tip = said("tip").SerializeToString()
                    first, last = attach_pb2.Part(data=tip[:1], more=True), attach_pb2.Part(data=tip[1:])
                    await child.send(
                        attach_pb2.AttachRequest(part=first), attach_pb2.AttachRequest(part=last)
                    )
                    await until(lambda: parent.names() == ["tip"])
                elif role in allowed:
                    await until(lambda name=name: parent.names() == [name])
                else:
                    code, error = await child.status()
                    assert (code, type(error)) == ("INVALID_ARGUMENT", errors.ProtocolError)
                    assert not parent.messages


@pytest.mark.parametrize("role", [WRAPPERS, TIER, ROOT])
async def test_4_a_child_ends_the_stream_over_a_message_that_its_role_does_not_take(
    folder: Path, role: attach_pb2.Role.ValueType
) -> None:
    for name, allowed in roles.PARENT_MAY.items():
        parent = Parent()
        async with serving(parent, folder) as server:
            child = Child()
            uplink = Uplink(server.address, hello(role), DAEMON_TOKEN, MemoryStore(), child)
            run = asyncio.create_task(uplink.run())
            await until(lambda parent=parent: parent.children)
            link = parent.children[0]
            if role in allowed:
                link.send(told(name))
                link.send(told("drain"))
                await until(lambda child=child: child.messages)
                assert not child.lost
            else:
                # A parent of ours refuses to send it, so a strange one is played.
                with pytest.raises(errors.ProtocolError):
                    link.send(told(name))
                link.hello.role = next(iter(allowed))
                link.send(told(name))
                await until(lambda child=child: child.lost)
                assert isinstance(child.lost[0], errors.ProtocolError)
                await until(lambda parent=parent: parent.detached)
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


async def test_5_a_message_or_payload_that_is_not_known_is_ignored(folder: Path) -> None:
    parent = Parent()
    unknown = attach_pb2.AttachRequest.FromString(b"\xa2\x06\x02hi")
    async with serving(parent, folder) as server, raw(server, JOB_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello(CLIENT)), unknown, record(1))
        await until(lambda: parent.kept == ["hi"])
        child_side = Child()
    async with serving(parent, folder) as server:
        uplink = Uplink(server.address, hello(), DAEMON_TOKEN, MemoryStore(), child_side)
        run = asyncio.create_task(uplink.run())
        await until(lambda: child_side.welcome)
        parent.children[-1].send(attach_pb2.AttachResponse.FromString(b"\xa2\x06\x02hi"))
        parent.children[-1].send(told("drain"))
        await until(lambda: child_side.messages)
        assert [m.WhichOneof("message") for m in child_side.messages] == ["drain"]
        await uplink.finish()
        await run
        assert not child_side.lost


@pytest.mark.parametrize(
    ("role", "token"),
    [
        (CLIENT, ""),
        (CLIENT, TOKENS.make(Audience.JOB, PATH, 2)),
        (CLIENT, TOKENS.make(Audience.JOB, "top/other", 1)),
        (CLIENT, DAEMON_TOKEN),
        (WRAPPERS, JOB_TOKEN),
        (TIER, TOKENS.make(Audience.CONTROL)),
        (ROOT, "rubbish\u00e9".encode().hex()),
    ],
)
async def test_6_without_a_good_token_a_child_gets_unauthenticated(
    folder: Path, role: attach_pb2.Role.ValueType, token: str
) -> None:
    parent = Parent()
    async with serving(parent, folder) as server, raw(server, token) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello(role)))
        code, error = await child.status()
        assert (code, type(error)) == ("UNAUTHENTICATED", errors.UnauthenticatedError)
        assert not parent.children


async def test_7_a_record_is_acked_after_it_is_kept_and_one_that_was_kept_is_acked_and_dropped(
    folder: Path,
) -> None:
    parent = Parent()
    async with serving(parent, folder) as server, raw(server, JOB_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello(CLIENT)), record(1, "a"), record(2, "b"))
        await child.read()
        await until(lambda: parent.kept == ["a", "b"])
        numbers = 0
        while numbers < 2:
            numbers = (await child.read()).record_ack.number
        await child.send(record(1, "a"))
        assert (await child.read()).record_ack.number == 2
        assert parent.kept == ["a", "b"]


async def test_7_a_record_that_is_neither_log_nor_metric_ends_the_stream(folder: Path) -> None:
    wrong = attach_pb2.AttachRequest(record=attach_pb2.Record(number=1))
    wrong.record.event.result.attempts = 1
    parent = Parent()
    async with serving(parent, folder) as server, raw(server, JOB_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello(CLIENT)), wrong)
        assert (await child.status())[0] == "INVALID_ARGUMENT"
        assert not parent.messages


async def test_8_after_a_cut_welcome_says_the_last_number_kept(folder: Path) -> None:
    parent = Parent()
    async with serving(parent, folder) as server:
        async with raw(server, JOB_TOKEN) as child:
            await child.send(attach_pb2.AttachRequest(hello=hello(CLIENT)), record(1), record(2), record(3))
            await until(lambda: len(parent.kept) == 3)
        async with raw(server, JOB_TOKEN) as child:
            await child.send(attach_pb2.AttachRequest(hello=hello(CLIENT)))
            assert (await child.read()).welcome.record == 3
        async with raw(server, JOB_TOKEN) as child:
            await child.send(attach_pb2.AttachRequest(hello=hello(CLIENT, id="another")))
            assert (await child.read()).welcome.record == 0


async def test_9_a_record_for_an_attempt_that_is_not_running_gets_failed_precondition(
    folder: Path,
) -> None:
    parent = Parent()
    parent.running = False
    async with serving(parent, folder) as server, raw(server, JOB_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello(CLIENT)), record(1))
        code, error = await child.status()
        assert (code, type(error)) == ("FAILED_PRECONDITION", errors.PreconditionError)
        assert "is not running" in str(error)


async def test_10_batches_come_in_order_and_what_is_known_is_dropped(folder: Path) -> None:
    store = MemoryStore()
    parent = Consumer()
    store.append(*(log(str(n)) for n in range(1, 2001)))
    for _ in range(2):
        child = Child()
        async with serving(parent, folder) as server:
            uplink = Uplink(server.address, hello(), DAEMON_TOKEN, store, child)
            run = asyncio.create_task(uplink.run())
            await until(lambda: parent.cursor.position("s1") == store.committed)
        await run
        assert isinstance(child.lost[0], errors.UnavailableError)
        store.append(log("more"))
    assert [event.seq for event in parent.events] == list(range(1, 2002))
    assert parent.gaps == 0
    batches = [m.batch for m in parent.messages if m.WhichOneof("message") == "batch"]
    ends = [0] + [batch.through for batch in batches]
    assert [batch.after for batch in batches] == ends[:-1]


async def test_10_a_gap_makes_the_consumer_subscribe_again(folder: Path) -> None:
    parent = Consumer()
    async with serving(parent, folder) as server, raw(server, DAEMON_TOKEN) as child:
        await child.send(attach_pb2.AttachRequest(hello=hello()))
        await child.read()
        assert not (await child.read()).subscribe.positions
        first = attach_pb2.Batch(subscription=1, store="s1", after=0, through=5, events=[log()])
        late = attach_pb2.Batch(subscription=1, store="s1", after=7, through=9, events=[log()])
        first.events[0].seq = 5
        await child.send(attach_pb2.AttachRequest(batch=first), attach_pb2.AttachRequest(batch=late))
        answers = [await child.read() for _ in range(2)]
        while answers[-1].WhichOneof("message") != "subscribe":
            answers.append(await child.read())
        again = answers[-1].subscribe
        assert [(p.store, p.seq) for p in again.positions] == [("s1", 5)]
        assert [event.seq for event in parent.events] == [5]


async def test_11_at_most_a_mebibyte_is_unacked_and_no_message_is_above_256_kib(folder: Path) -> None:
    store = MemoryStore()
    store.append(*(log("x" * 20_000) for _ in range(200)))
    store.append(log("y" * 600_000))
    store.append(*(log("x" * 20_000) for _ in range(20)))
    parent = Consumer()
    parent.acking = False
    child = Child()

    def unacked() -> int:
        return sum(m.batch.ByteSize() for m in parent.messages)

    async with serving(parent, folder) as server:
        uplink = Uplink(server.address, hello(), DAEMON_TOKEN, store, child)
        run = asyncio.create_task(uplink.run())
        await until(lambda: unacked() > 850 * 1024)
        reads = store.reads
        # The stream is quiet: a control message comes through, but no batch follows.
        uplink.send(said("recalled"))
        await until(lambda: "recalled" in parent.names())
        sizes = [m.batch.ByteSize() for m in parent.messages if m.WhichOneof("message") == "batch"]
        assert sum(sizes) <= 1024 * 1024 + 512 * len(sizes)
        assert max(sizes) <= 256 * 1024
        for n in range(2, 6):
            uplink.on_commit()
            uplink.send(said("recalled"))
            await until(lambda n=n: parent.names().count("recalled") == n)
        # The last of the credit may take one more piece from the store, and nothing after it does.
        assert store.reads <= reads + 1
        parent.acking = True
        parent.ack(parent.children[0], "s1")
        await until(lambda: len(parent.events) == 221)
        batches = [m.batch for m in parent.messages if m.WhichOneof("message") == "batch"]
        large = [b for b in batches if b.ByteSize() > 256 * 1024]
        assert [len(b.events) for b in large] == [1]
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_12_after_drain_a_child_ends_when_all_its_batches_are_acked(folder: Path) -> None:
    store = MemoryStore()
    store.append(*(log() for _ in range(10)))
    parent = Consumer()
    parent.acking = False
    child = Child()
    async with serving(parent, folder) as server:
        uplink = Uplink(server.address, hello(), DAEMON_TOKEN, store, child)
        run = asyncio.create_task(uplink.run())
        await until(lambda: len(parent.events) == 10)
        parent.children[0].send(told("drain"))
        await until(lambda: child.messages)
        ending = asyncio.create_task(uplink.finish())
        uplink.send(said("recalled"))
        await until(lambda: "recalled" in parent.names())
        assert not ending.done()
        parent.ack(parent.children[0], "s1")
        await ending
        await run
        assert not child.lost
        await until(lambda: parent.detached)


async def test_13_an_attempt_finished_for_a_closed_attempt_reaches_the_handler_which_ignores_it(
    folder: Path,
) -> None:
    # Which attempts are closed only the tier knows; the stream carries the event on and lives.
    store = MemoryStore()
    parent = Consumer()
    child = Child()
    async with serving(parent, folder) as server:
        uplink = Uplink(server.address, hello(), DAEMON_TOKEN, store, child)
        run = asyncio.create_task(uplink.run())
        for _ in range(2):
            late = log()
            late.attempt_finished.SetInParent()
            store.append(late)
            uplink.on_commit(store.committed)
            await until(lambda: len(parent.events) == store.committed)
        await uplink.finish()
        await run
        assert not child.lost


async def test_bytes_that_are_not_a_message_end_the_stream(folder: Path) -> None:
    async with serving(Parent(), folder) as server, open_channel(server.address) as channel:
        child = Raw(cast("Any", channel).stream_stream(ATTACH)(metadata=bearer(DAEMON_TOKEN)))
        await child.call.write(b"\xff")
        code, error = await child.status()
        assert (code, type(error)) == ("INVALID_ARGUMENT", errors.ProtocolError)
