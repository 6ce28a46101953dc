"""The tiers that a daemon hosts, with their jobs in the same process and leases from the root.

It uses the root's engine with another dispatcher; the logic of tiers is the same.
"""

import asyncio
from collections import deque
from functools import partial
from pathlib import Path

from gator.core.dispatch.lease_queue import LeaseAction, LeaseQueue, RequestLeases, Return
from gator.core.tree import actions as act
from gator.core.tree.outcomes.restored import Past
from gator.core.tree.tree import Tree
from gator.daemon.attempts.executor import HostExecutor
from gator.daemon.attempts.host import WrapperHost
from gator.daemon.engine import Engine
from gator.daemon.tiers.past import read_past
from gator.link.uplink import Uplink
from gator.plan import make_plan
from gator.ports import Clock
from gator.runtime.loop import in_thread
from gator.store import Store
from gator.v1 import attach_pb2, event_pb2

HOST = "here"


class TierService:
    """Runs tiers on behalf of a root."""

    def __init__(
        self,
        context: attach_pb2.RunContext,
        store: Store,
        host: WrapperHost,
        uplink: Uplink,
        clock: Clock,
    ) -> None:
        self._uplink = uplink
        self._clock = clock
        self._host = host
        self._stores = Path(context.folder) / "stores"
        self._reading: asyncio.Task[Past] | None = None
        self._held: deque[attach_pb2.AttachResponse] = deque()
        """Messages that arrived while the record of an earlier attempt at a tier is read."""
        self._queue = LeaseQueue(HOST)
        self._engine = Engine(
            Tree(make_plan(context.plan)),
            self._queue,
            store,
            clock,
            on_action=self._on_action,
            on_tier_ended=self._on_tier_ended,
            hooks=host.group_hooks,
        )
        self._engine.add_executor(HOST, HostExecutor(host, self._engine.on_recalled))

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        """Carries out a message of the root, one after another."""
        self._held.append(message)
        while self._held and self._reading is None:
            self._handle(self._held.popleft())

    def _handle(self, message: attach_pb2.AttachResponse) -> None:
        match message.WhichOneof("message"):
            case "launch":
                # A root opens one tier at a time.
                for node in message.launch.nodes:
                    self._open(node)
            case "grant":
                self._queue.on_grant(message.grant.leases)
                self._engine.turn_soon()
            case "release":
                self._engine.on_release(message.release)
            case "stop":
                self._engine.stop(message.stop)
            case _:
                pass

    def _open(self, node: attach_pb2.LaunchNode) -> None:
        if not node.before:
            self._engine.open(node)
            return
        stores = [self._stores / f"{daemon}.db" for daemon in node.before]
        self._reading = asyncio.ensure_future(in_thread(read_past, stores, node.path))
        self._reading.add_done_callback(partial(self._reopen, node))

    def _reopen(self, node: attach_pb2.LaunchNode, reading: "asyncio.Task[Past]") -> None:
        self._reading = None
        self._engine.open(node, reading.result())
        while self._held and self._reading is None:
            self._handle(self._held.popleft())

    def on_started(self, path: str, attempt: int) -> None:
        """Reports that an attempt runs."""
        self._engine.on_started(path, attempt)

    def on_finished(self, path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        """Reports that an attempt has ended."""
        self._engine.on_finished(path, attempt, end)

    def _on_action(self, action: LeaseAction) -> None:
        match action:
            case RequestLeases(requested):
                request = attach_pb2.LeaseRequest(requested=requested)
                self._send(attach_pb2.AttachRequest(lease_request=request))
            case Return(leases):
                # Sent after the Results that freed them are committed, so that nothing is counted twice.
                request = attach_pb2.AttachRequest(lease_return=attach_pb2.LeaseReturn(leases=leases))
                self._engine.then(partial(self._send, request))

    def _send(self, request: attach_pb2.AttachRequest) -> None:
        self._uplink.send(request)

    def _on_tier_ended(self, _: act.TierEnded) -> None:
        """Does nothing: the root reads the Result from the store."""
