"""The daemons of a run as its root sees them, with a scheduler that starts nothing."""

import asyncio
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gator.core.tokens import Audience, Tokens
from gator.daemon.fleet import SUBSCRIPTION, Daemon, DaemonState, Fleet, FleetContext
from gator.errors import GatorError, UnauthenticatedError
from gator.link.session import ChildLink
from gator.run_folder import RunFolder
from gator.scheduler import DaemonRequest
from gator.scheduler.request import DaemonParameters
from gator.v1 import attach_pb2, event_pb2

KEY = b"k" * 32
WRAPPERS, TIER = attach_pb2.ROLE_WRAPPERS, attach_pb2.ROLE_TIER


class FakeHandle:
    """A daemon without a process."""

    def __init__(self, request: DaemonRequest) -> None:
        self.name, self.log = request.name, request.log
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        self.exited.set_result(-9)


class FakeChildren:
    """Watches no processes."""

    def watch(self, pid: int, callback: Callable[[int, resource.struct_rusage], None]) -> None:
        raise AssertionError("the scheduler of these tests starts no process")


@dataclass
class World:
    """A fleet with fakes around it; `log` has the events in order."""

    folder: Path
    log: list[str] = field(default_factory=list[str])
    processes: dict[str, FakeHandle] = field(default_factory=dict[str, FakeHandle])
    orders: list[DaemonParameters] = field(default_factory=list[DaemonParameters])
    links: dict[str, ChildLink] = field(default_factory=dict[str, ChildLink])
    left: list[attach_pb2.Batch] = field(default_factory=list[attach_pb2.Batch])
    """What stands in the stores beyond what was told."""
    broken: bool = False
    """Whether no process can be made."""
    sweeping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.sweeping.set()
        (self.folder / "stores").mkdir()
        (self.folder / "daemons").mkdir()
        run = attach_pb2.RunContext(run="r", folder=str(self.folder))
        context = FleetContext(run, KEY, "unix:x", RunFolder(self.folder), {}, FakeChildren())
        self.fleet = Fleet(context, self, self, self.read_store, self.sweep)

    # scheduler
    cores = None
    allows_inline = True

    def start_daemon(self, request: DaemonRequest) -> FakeHandle:
        if self.broken:
            raise GatorError("failed to start a daemon: no more processes")
        self.orders.append(DaemonParameters.decode(request.parameters))
        handle = self.processes[request.name] = FakeHandle(request)
        return handle

    # what the fleet does
    async def sweep(self, name: str) -> None:
        await self.sweeping.wait()
        self.log.append(f"sweep {name}")

    def read_store(self, path: Path, after: int) -> Sequence[attach_pb2.Batch]:
        self.log.append(f"read {path.stem} after {after}")
        return self.left

    # events
    def on_ready(self, daemon: Daemon) -> None:
        self.log.append(f"ready {daemon.name}")

    def on_batch(self, daemon: Daemon, batch: attach_pb2.Batch, events: Sequence[event_pb2.Event]) -> None:
        del batch
        self.log.append(f"batch {daemon.name} {[event.seq for event in events]}")

    def on_message(self, daemon: Daemon, message: attach_pb2.AttachRequest) -> None:
        self.log.append(f"{message.WhichOneof('message')} {daemon.name}")

    def on_dead(self, daemon: Daemon, why: str) -> None:
        self.log.append(f"dead {daemon.name}: {why}")

    def on_cannot_start(self, why: str) -> None:
        self.log.append(f"cannot start: {why}")

    # the daemons' side
    def attach(self, name: str) -> ChildLink:
        daemon = self.fleet.daemons[name]
        link = ChildLink(attach_pb2.Hello(role=daemon.role, id=name, store=daemon.store_id, run="r"))
        self.links[name] = link
        self.fleet.on_attached(link)
        return link

    def report(self, name: str, first: int, last: int) -> None:
        batch = self.batch(self.fleet.daemons[name], first, last)
        self.fleet.on_message(self.links[name], attach_pb2.AttachRequest(batch=batch))

    @staticmethod
    def batch(daemon: Daemon, first: int, last: int) -> attach_pb2.Batch:
        return attach_pb2.Batch(
            subscription=SUBSCRIPTION,
            store=daemon.store_id,
            after=first - 1,
            through=last,
            events=[event_pb2.Event(seq=seq) for seq in range(first, last + 1)],
        )

    def die(self, name: str, code: int = -9) -> None:
        self.processes[name].exited.set_result(code)

    async def until(self, text: str) -> None:
        async with asyncio.timeout(5):
            while not any(line.startswith(text) for line in self.log):
                await asyncio.sleep(0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def sent(link: ChildLink) -> list[str]:
    """Kinds of the messages that a daemon was sent."""
    return [message.WhichOneof("message") or "" for message in link._queue]  # pyright: ignore[reportPrivateUsage]


async def test_a_daemon_is_ready_when_it_attaches_and_gets_the_orders_from_before(world: World):
    daemon = world.fleet.start(WRAPPERS)
    daemon.send(attach_pb2.AttachResponse(launch=attach_pb2.Launch()))
    assert daemon.state is DaemonState.STARTING
    link = world.attach("w1")
    assert daemon.state is DaemonState.READY
    assert sent(link) == ["subscribe", "launch"]
    assert world.log == ["ready w1"]


async def test_daemons_have_names_stores_and_tokens_of_their_own(world: World):
    world.fleet.start(WRAPPERS)
    world.fleet.start(TIER)
    assert [order.daemon for order in world.orders] == ["w1", "t2"]
    assert [order.role for order in world.orders] == ["wrappers", "tier"]
    assert len({order.store for order in world.orders}) == 2
    hello = attach_pb2.Hello(role=WRAPPERS, id="w1", store=world.orders[0].store, run="r")
    world.fleet.authenticate(hello, world.orders[0].token)
    with pytest.raises(UnauthenticatedError):
        world.fleet.authenticate(hello, "another")
    token = Tokens(KEY).make(Audience.DAEMON)
    with pytest.raises(UnauthenticatedError):
        world.fleet.authenticate(attach_pb2.Hello(role=WRAPPERS, id="w9", run="r"), token)
    with pytest.raises(UnauthenticatedError):
        world.fleet.authenticate(attach_pb2.Hello(role=WRAPPERS, id="w1", run="other"), token)


async def test_a_dead_daemon_is_swept_and_its_store_read_before_its_death_is_told(world: World):
    daemon = world.fleet.start(WRAPPERS)
    world.attach("w1")
    daemon.store_path.touch()
    world.report("w1", 1, 2)
    world.left = [world.batch(daemon, 2, 4)]
    world.die("w1")
    await world.until("dead")
    assert world.log == [
        "ready w1",
        "batch w1 [1, 2]",
        "sweep w1",
        "read w1 after 2",
        "batch w1 [3, 4]",
        "dead w1: the daemon w1 was killed by signal 9",
    ]
    assert daemon.state is DaemonState.ENDED


async def test_what_comes_while_a_daemon_is_being_swept_is_not_taken_twice(world: World):
    daemon = world.fleet.start(WRAPPERS)
    world.attach("w1")
    daemon.store_path.touch()
    world.sweeping.clear()
    world.die("w1")
    await asyncio.sleep(0)
    world.report("w1", 1, 2)
    world.left = [world.batch(daemon, 1, 3)]
    world.sweeping.set()
    await world.until("dead")
    world.report("w1", 1, 5)
    assert [line for line in world.log if line.startswith("batch")] == ["batch w1 [1, 2]", "batch w1 [3]"]


async def test_a_gap_is_asked_for_again(world: World):
    world.fleet.start(WRAPPERS)
    link = world.attach("w1")
    world.report("w1", 3, 4)
    assert sent(link) == ["subscribe", "subscribe"]
    assert world.log == ["ready w1"]
    world.report("w1", 1, 4)
    assert world.log[-1] == "batch w1 [1, 2, 3, 4]"


async def test_three_failed_starts_in_a_row_end_the_run(world: World):
    for number in (1, 2, 3):
        world.fleet.start(WRAPPERS)
        world.processes[f"w{number}"].log.write_text("ModuleNotFoundError: grpc\n")
        world.die(f"w{number}", 1)
        await world.until(f"dead w{number}")
    told = [line for line in world.log if line.startswith("cannot")]
    assert told == ["cannot start: the daemon w3 exited with code 1: ModuleNotFoundError: grpc"]


async def test_a_start_that_works_forgives_those_that_failed_before(world: World):
    for number in range(1, 6):
        world.fleet.start(WRAPPERS)
        if number == 3:
            world.attach("w3")
        else:
            world.die(f"w{number}", 1)
            await world.until(f"dead w{number}")
    assert not [line for line in world.log if line.startswith("cannot")]


async def test_a_process_that_cannot_be_made_is_a_failed_start(world: World):
    world.broken = True
    for number in (1, 2, 3):
        world.fleet.start(TIER)
        await world.until(f"dead t{number}")
    assert "cannot start: failed to start a daemon: no more processes" in world.log


async def test_drained_daemons_end_without_a_word(world: World):
    for _ in range(3):
        world.fleet.start(WRAPPERS)
    world.attach("w1")
    world.attach("w2")
    world.fleet.drain("w2")
    assert sent(world.links["w2"])[-1] == "drain"
    draining = asyncio.ensure_future(world.fleet.drain_all())
    await asyncio.sleep(0)
    assert sent(world.links["w1"])[-1] == "drain"
    assert not draining.done()
    world.die("w1", 0)
    world.die("w2", 0)
    # The third never came up, and is killed.
    async with asyncio.timeout(5):
        await draining
    assert not [line for line in world.log if line.startswith(("dead", "sweep"))]


async def test_a_daemon_whose_hello_arrives_after_it_was_killed_ends_without_a_word(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    killed: list[str] = []

    def kill(handle: FakeHandle) -> None:
        killed.append(handle.name)

    monkeypatch.setattr(FakeHandle, "kill", kill)
    world.fleet.start(WRAPPERS)
    draining = asyncio.create_task(world.fleet.drain_all())
    await asyncio.sleep(0)
    assert killed == ["w1"]
    world.attach("w1")
    world.die("w1")
    async with asyncio.timeout(5):
        await draining
    assert world.log == []


async def test_a_daemon_that_died_before_it_came_up_is_not_killed_again_when_all_are_drained(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def kill_what_was_reaped(handle: FakeHandle) -> None:
        raise ProcessLookupError(f"no process of {handle.name}")

    world.fleet.start(WRAPPERS)
    world.sweeping.clear()
    world.die("w1")
    await asyncio.sleep(0)
    monkeypatch.setattr(FakeHandle, "kill", kill_what_was_reaped)
    draining = asyncio.create_task(world.fleet.drain_all())
    await asyncio.sleep(0)
    world.sweeping.set()
    async with asyncio.timeout(5):
        await draining
        await world.until("dead w1")
    assert world.log == ["sweep w1", "dead w1: the daemon w1 was killed by signal 9"]


async def test_an_attach_of_a_daemon_that_died_meanwhile_makes_it_ready_for_nothing(world: World):
    daemon = world.fleet.start(WRAPPERS)
    world.sweeping.clear()
    world.die("w1")
    await asyncio.sleep(0)
    world.attach("w1")
    assert daemon.state is DaemonState.DEAD
    world.sweeping.set()
    await world.until("dead w1")
    assert not any(line.startswith("ready") for line in world.log)


async def test_a_daemon_that_is_killed_while_it_drains_is_read_to_its_end(world: World):
    daemon = world.fleet.start(WRAPPERS)
    world.attach("w1")
    daemon.store_path.touch()
    world.fleet.drain("w1")
    world.left = [world.batch(daemon, 1, 1)]
    world.die("w1")
    await world.until("dead")
    assert "batch w1 [1]" in world.log


async def test_what_goes_wrong_over_a_dead_daemon_reaches_the_loop(world: World):
    faults: list[BaseException] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))

    async def sweep(name: str) -> None:
        raise GatorError(f"failed to sweep {name}")

    world.fleet._sweep = sweep  # pyright: ignore[reportPrivateUsage]
    world.fleet.start(WRAPPERS)
    world.die("w1")
    async with asyncio.timeout(5):
        while not faults:
            await asyncio.sleep(0)
    assert str(faults[0]) == "failed to sweep w1"
