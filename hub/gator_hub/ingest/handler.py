"""The hub as the parent of roots: it stores the events that they send, then acknowledges them.

Invariant: a run that violates the protocol loses its stream and does not affect other runs.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import partial
from logging import getLogger
from typing import Any

from msgspec import Struct, field

from gator import __version__
from gator.core.cursor import ConsumerCursor, Gap
from gator.core.run_key import fits
from gator.enum_names import enum_name
from gator.errors import (
    GatorError,
    PermissionDeniedError,
    PreconditionError,
    ProtocolError,
    UnavailableError,
    UserError,
)
from gator.event_kinds import BULK_KINDS, STATE_KINDS
from gator.link.session import ChildLink
from gator.link.size_limits import SMALL_DESCRIPTION_BYTES, has_too_many
from gator.spec.idents import ident_problem
from gator.v1 import attach_pb2, common_pb2
from gator.v1 import control_service_pb2 as cs
from gator_hub.database.tables import SEQ_BITS
from gator_hub.database.texts import SAME_VERSION
from gator_hub.ingest import registry
from gator_hub.ingest.commit import COPY_REPLACED, Work
from gator_hub.ingest.memory_budget import UNPACKED_TIMES, MemoryBudget, memory_of
from gator_hub.ingest.stores import Lane
from gator_hub.ingest.writer import Writer
from gator_hub.log import AttachLog

MAX_STORES = 10_000
"""Maximum number of stores of one run."""
_ID_CHARACTERS = 64
# Only hexadecimal digits, so that few other names can be mistaken for an id.
_RUN_ID = re.compile(r"[0-9a-f]{1,64}")
_HELLO_TIMES = 14
"""Maximum ratio of the memory of a parsed description, with its plan, to its size. Half of it is usual."""
_MAX_DESCRIPTION_BYTES = 64 * 1024
"""Maximum size in bytes of the part of a run that lists contain: the run without its command line."""
_MAX_SEQ = 1 << SEQ_BITS

_log = getLogger("gator.hub")


class _Root(Struct, eq=False):
    """An attached root."""

    link: ChildLink
    owner: str
    run: int = 0
    """Number of the run's row; 0 until it is registered."""
    cursors: dict[Lane, ConsumerCursor] = field(default_factory=dict[Lane, ConsumerCursor])
    gone: bool = False
    events: int = 0
    """Number of its events that were stored."""
    fault: str = ""
    """Reason why the hub ended its stream; empty if it did not."""

    def __str__(self) -> str:
        hello = self.link.hello
        return f"run {hello.description.run.ident} ({hello.run[:8]})"


class Ingest:
    """Passes the events of all roots to one writer. Everything runs on one event loop.

    `user_of` returns the user to whom a token belongs, or raises UnauthenticatedError.
    """

    def __init__(
        self,
        writer: Writer,
        user_of: Callable[[str], str],
        attach_log: AttachLog | None = None,
        on_replaced: Callable[[], None] = lambda: None,
    ) -> None:
        """Uses `writer`. `on_replaced` is called after a copy of a run was marked for removal."""
        self._writer, self._user_of, self._on_replaced = writer, user_of, on_replaced
        self._attach_log = attach_log or AttachLog()
        self._roots: dict[ChildLink, _Root] = {}
        self.intake = MemoryBudget()
        """Memory of the messages that roots have sent and that are not committed."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    # -- the handler of ParentService

    def authenticate(self, hello: attach_pb2.Hello, token: str) -> str:
        """Returns the owner of the run.

        Raises UnauthenticatedError for an unknown token, ProtocolError for a Hello that no root sends.
        """
        owner = self._user_of(token)
        if hello.role != attach_pb2.ROLE_ROOT:
            raise ProtocolError(
                "only the root of a run may attach to a hub: use gator run --hub or gator hub import"
            )
        if not _RUN_ID.fullmatch(hello.run) or not 0 < len(hello.store) <= _ID_CHARACTERS:
            raise ProtocolError(
                f"a root names its run by 1 to 64 hexadecimal digits, and its store: {SAME_VERSION}"
            )
        problem = ident_problem(hello.description.run.ident)
        if problem:
            raise ProtocolError(f"the ident of the run is invalid: {problem}: rename the root of the spec")
        if hello.run_key and not fits(hello.run_key, hello.run):
            raise ProtocolError(
                "the key does not match the id of the run: restore run.key, which was changed"
            )
        size = hello.description.run.ByteSize() - sum(len(arg) for arg in hello.description.run.argv)
        if size > _MAX_DESCRIPTION_BYTES:
            raise ProtocolError(
                f"the description of the run has {size // 1024} KiB; the maximum is "
                f"{_MAX_DESCRIPTION_BYTES // 1024} KiB: use fewer or shorter labels"
            )
        return owner

    def on_attached(self, child: ChildLink) -> attach_pb2.Welcome:
        """Welcomes a root. Its run is looked up in the background, then subscribed to."""
        if self._closing:
            raise UnavailableError("the hub is stopping: connect again when it is back")
        root = self._roots[child] = _Root(child, child.user)
        self._spawn(self._register(root, child.hello.ByteSize()))
        return attach_pb2.Welcome(version=__version__, subscriptions=len(Lane))

    def on_message(self, child: ChildLink, message: attach_pb2.AttachRequest) -> None:
        """Stores the events of a batch. Ignores other messages."""
        if message.WhichOneof("message") == "batch":
            root = self._roots[child]
            try:
                self._on_batch(root, message.batch)
            except ProtocolError as error:
                root.fault = str(error)
                raise

    def on_detached(self, child: ChildLink) -> None:
        """Removes a root. Marks its run as not connected unless another root is attached for it."""
        root = self._roots.pop(child)
        root.gone = True
        run = child.hello.run
        # Roots that are being registered count too. The writer runs calls in order: this one is later.
        if not self.attached(run):
            self._writer.run(partial(registry.detach, run=run))
        if root.run and not self._closing:
            self._spawn(self._say_left(root))

    def attached(self, run: str) -> int:
        """Returns the number of roots attached for a run id, including those not registered yet."""
        return sum(root.link.hello.run == run for root in self._roots.values())

    # -- orders

    def stop(self, run: int, request: cs.StopRequest) -> None:
        """Forwards a stop request to the roots of a run. Raises PreconditionError if none is connected."""
        feeders = self._feeders(run)
        if not feeders:
            raise PreconditionError(
                "the run is not connected to the hub: stop it on its host, with gator stop"
            )
        for root in feeders:
            stop = attach_pb2.Stop(path=request.path, mode=request.mode, message=request.message)
            root.link.send(attach_pb2.AttachResponse(stop=stop))

    async def close(self) -> None:
        """Accepts no more roots and events, waits for the commit of earlier events, then ends all streams."""
        self._closing = True
        for root in list(self._roots.values()):
            root.gone = True
        await asyncio.wrap_future(self._writer.run(lambda _: None))
        for root in list(self._roots.values()):
            root.link.close(UnavailableError("the hub is stopping: connect again when it is back"))
        for task in self._tasks:
            task.cancel()

    # -- parts

    def _feeders(self, run: int) -> list[_Root]:
        return [root for root in self._roots.values() if root.run == run]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _register(self, root: _Root, size_bytes: int) -> None:
        hello = root.link.hello
        # The stream needs only a few fields of it, which saves memory while the stream is open.
        root.link.hello = _essence(hello)
        try:
            registered = await self._find(root, hello, size_bytes)
        except (GatorError, UserError) as error:
            # The server logs refused permissions itself, as for every call.
            if not isinstance(error, PermissionDeniedError):
                _log.warning("refused the root of run %s: %s", hello.run[:_ID_CHARACTERS], error)
            root.link.close(error)
            return
        if registered is None:
            return
        hello = root.link.hello
        if registered.replaced:
            self._end_copy(registered.replaced)
        root.run = registered.id
        if root.gone:
            return
        self._attach_log.log("%s of %s on %s attached", root, root.owner, hello.host)
        for lane in Lane:
            root.cursors[lane] = ConsumerCursor(registered.positions[lane])
            self._subscribe(root, lane)

    def _end_copy(self, run: int) -> None:
        """Ends the streams that feed a copy replaced by the run itself."""
        for root in self._feeders(run):
            root.gone = True
            root.fault = COPY_REPLACED
            root.link.close(PermissionDeniedError(COPY_REPLACED))
        self._on_replaced()

    async def _find(
        self, root: _Root, hello: attach_pb2.Hello, size_bytes: int
    ) -> registry.Registered | None:
        """Registers the run of a root. Returns None if the root detached before that."""
        held = UNPACKED_TIMES * size_bytes
        self.intake.hold(held)
        try:
            if size_bytes > SMALL_DESCRIPTION_BYTES and await asyncio.to_thread(
                has_too_many, hello.description
            ):
                raise ProtocolError(
                    f"the description of the run has too many parts for its length: {SAME_VERSION}"
                )
            self.intake.give(held - _HELLO_TIMES * size_bytes)
            held = _HELLO_TIMES * size_bytes
            if root.gone:
                return None
            asked = self._writer.run(partial(registry.register, hello=hello, owner=root.owner))
            return await asyncio.wrap_future(asked)
        finally:
            self.intake.give(held)

    async def _say_left(self, root: _Root) -> None:
        # The writer's queue may hold the last events, so the outcome is read after them.
        asked = self._writer.run(partial(registry.outcome_of, number=root.run))
        try:
            outcome = await asyncio.wrap_future(asked)
        except (GatorError, UserError):
            # The error of the database was logged already.
            outcome = None
        if root.fault:
            how = f"dropped ({root.fault})"
        elif outcome is None:
            how = "left before its end"
        else:
            how = f"left at its end ({_word(outcome)})"
        self._attach_log.log("%s %s, events kept: %d", root, how, root.events)

    def _subscribe(self, root: _Root, lane: Lane) -> None:
        event_filter = _filter(lane, root.link.hello.description.output)
        subscribe = attach_pb2.Subscribe(
            subscription=int(lane),
            consumer="hub",
            positions=root.cursors[lane].positions(),
            filter=event_filter,
            window_bytes=self.intake.window_bytes(len(self._roots)),
        )
        root.link.send(attach_pb2.AttachResponse(subscribe=subscribe))

    def _on_batch(self, root: _Root, batch: attach_pb2.Batch) -> None:
        if root.gone:
            return
        if batch.subscription not in (Lane.STATES, Lane.BULK) or not root.cursors:
            raise ProtocolError(f"there is no subscription {batch.subscription}: {SAME_VERSION}")
        lane = Lane(batch.subscription)
        cursor = root.cursors[lane]
        _check(batch)
        if cursor.stores > MAX_STORES:
            raise ProtocolError(f"a run is limited to {MAX_STORES} stores: {SAME_VERSION}")
        match cursor.accept(batch):
            case None:
                self._ack(root, lane, batch)
            case Gap():
                self._subscribe(root, lane)
            case _:
                self._put(root, lane, batch)

    def _put(self, root: _Root, lane: Lane, batch: attach_pb2.Batch) -> None:
        size = batch.ByteSize() + 64
        held = memory_of(batch, size)
        self.intake.hold(held)
        then = partial(self._on_kept, root, lane, batch, held)
        self._writer.put(Work(root.run, root.link.hello.description.run.ident, lane, batch, size, then))

    def _on_kept(
        self, root: _Root, lane: Lane, batch: attach_pb2.Batch, held: int, error: Exception | None
    ) -> None:
        self.intake.give(held)
        if error is None:
            root.events += len(batch.events)
        if root.link not in self._roots:
            return
        if error is None:
            self._ack(root, lane, batch)
        elif not root.gone:
            # Later failures are consequences of the first one, so only the first is reported.
            root.gone = True
            root.fault = str(error)
            root.link.close(error)

    def _ack(self, root: _Root, lane: Lane, batch: attach_pb2.Batch) -> None:
        position = attach_pb2.StorePosition(store=batch.store, seq=batch.through)
        ack = attach_pb2.Ack(subscription=int(lane), position=position)
        root.link.send(attach_pb2.AttachResponse(ack=ack))


def _word(outcome: int) -> str:
    """Returns the name of an outcome, such as `passed`; its number if only a newer version knows it."""
    if outcome not in common_pb2.Outcome.values():
        return str(outcome)
    return enum_name(common_pb2.Outcome.DESCRIPTOR, common_pb2.Outcome.ValueType(outcome))


def _essence(hello: attach_pb2.Hello) -> attach_pb2.Hello:
    """Returns a Hello without the parts stored in the database and without the run's key."""
    description = attach_pb2.RunDescription(output=hello.description.output)
    description.run.ident = hello.description.run.ident
    return attach_pb2.Hello(
        role=hello.role,
        id=hello.id,
        host=hello.host,
        pid=hello.pid,
        store=hello.store,
        version=hello.version,
        run=hello.run,
        description=description,
    )


def _filter(lane: Lane, output: attach_pb2.Output.ValueType) -> attach_pb2.EventFilter:
    """Returns the filter of a lane. Both together select all events that the user wants to store."""
    if lane is Lane.STATES:
        return attach_pb2.EventFilter(kinds=STATE_KINDS)
    match output:
        case attach_pb2.OUTPUT_WARNINGS:
            # Blocks with this severity are mostly those of stderr.
            return attach_pb2.EventFilter(kinds=BULK_KINDS, severity=common_pb2.SEVERITY_WARNING)
        case attach_pb2.OUTPUT_ALL | attach_pb2.OUTPUT_UNSPECIFIED:
            return attach_pb2.EventFilter(kinds=BULK_KINDS)
        case _:
            # No output; also for values of newer versions, which may mean that less is to be stored.
            return attach_pb2.EventFilter(kinds=[attach_pb2.EVENT_KIND_SAMPLE])


def _check(batch: attach_pb2.Batch) -> None:
    """Raises ProtocolError for a batch that no store can have. The writer checks its events."""
    if not 0 < len(batch.store) <= _ID_CHARACTERS:
        raise ProtocolError(f"a batch does not name its store: {SAME_VERSION}")
    if batch.through >= _MAX_SEQ:
        raise ProtocolError(f"sequence number {batch.through} is out of range: {SAME_VERSION}")
