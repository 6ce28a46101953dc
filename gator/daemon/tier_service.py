"""The tiers that a daemon hosts, with their jobs in the same process and leases from the root.

The rule: it is the root's engine over another dispatcher; nothing of the tiers' logic is different here.
"""

from functools import partial

from gator.core import actions as act
from gator.core.lease_queue import LeaseQueue, Return, Wish
from gator.core.tree import Tree
from gator.daemon.engine import Engine
from gator.daemon.inline import InlineHand
from gator.daemon.wrapper_host import WrapperHost
from gator.link.uplink import Uplink
from gator.plan import make_plan
from gator.ports import Clock
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
        self._queue = LeaseQueue(HOST)
        self._engine = Engine(
            Tree(make_plan(context.plan)),
            self._queue,
            store,
            clock,
            on_action=self._on_action,
            on_tier_ended=self._on_tier_ended,
        )
        self._engine.add_hand(HOST, InlineHand(host, self._engine.on_recalled))

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        """An order of the root."""
        match message.WhichOneof("message"):
            case "launch":
                for node in message.launch.nodes:
                    self._engine.open(node)
            case "grant":
                self._queue.on_grant(message.grant.leases)
                self._engine.turn_soon()
            case "release":
                self._engine.on_release(message.release)
            case "stop":
                self._engine.stop(message.stop)
            case _:
                pass

    def on_started(self, path: str, attempt: int) -> None:
        """An attempt runs."""
        self._engine.on_started(path, attempt)

    def on_finished(self, path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        """An attempt ended."""
        self._engine.on_finished(path, attempt, end)

    def _on_action(self, action: object) -> None:
        match action:
            case Wish(wishes):
                request = attach_pb2.LeaseRequest(wishes=wishes)
                self._send(attach_pb2.AttachRequest(lease_request=request))
            case Return(leases):
                # After the Results that made them free are committed, so that nothing is counted twice.
                given = attach_pb2.AttachRequest(lease_return=attach_pb2.LeaseReturn(leases=leases))
                self._engine.then(partial(self._send, given))
            case _:
                raise AssertionError(f"leases need no {action}")

    def _send(self, request: attach_pb2.AttachRequest) -> None:
        self._uplink.send(request)

    def _on_tier_ended(self, _: act.TierEnded) -> None:
        """The Result stands in the store, from which the root is told."""
