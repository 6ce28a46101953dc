"""What a root makes of what it is told, by its own attempts and by its daemons.

The rule: what is told is kept before anything is done about it, and acked once it is kept.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.late_wakes import LateWakes
from gator.daemon.attempts.host import late_wake_text
from gator.daemon.clients import ClientHandler
from gator.daemon.engine import Engine
from gator.daemon.fleet import SUBSCRIPTION, Daemon
from gator.daemon.stores import LiveSource
from gator.daemon.tier_daemons import TierDaemons
from gator.daemon.view import View
from gator.ports import Clock
from gator.store import Store
from gator.v1 import attach_pb2, event_pb2

ACK_SECONDS = 0.02


class Reports:
    """Passes reports on to the engine and the view. `logs` is the folder of the daemons' own logs."""

    def __init__(
        self,
        store: Store,
        dispatch: Dispatcher,
        engine: Engine,
        view: View,
        clock: Clock,
        *,
        logs: Path,
        on_disk_full: Callable[[], None],
        on_cannot_start: Callable[[str], None],
    ) -> None:
        self.tiers: TierDaemons | None = None
        self.desk: ClientHandler | None = None
        self._store, self._dispatch, self._engine = store, dispatch, engine
        self._view, self._clock, self._logs = view, clock, logs
        self._tell_disk_full, self._tell_cannot_start = on_disk_full, on_cannot_start
        self._loop = asyncio.get_running_loop()
        self._acks: dict[Daemon, attach_pb2.Batch] = {}
        self._late_wakes = LateWakes()

    # -- of attempts

    def on_started(self, path: str, attempt: int) -> None:
        """An attempt runs."""
        self._view.started[path] = self._clock.monotonic()
        self._engine.on_started(path, attempt)
        self._view.changed()

    def on_finished(self, path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        """An attempt ended."""
        self._view.started.pop(path, None)
        self._engine.on_finished(path, attempt, end)
        if self.desk is not None:
            self.desk.forget(path, attempt)
        self._view.changed()

    def on_late_wake(self, stood_still: int) -> None:
        """Reports once for all processes that one did not run for this time, in nanoseconds."""
        is_new = self._late_wakes.is_new(round(self._clock.monotonic() * 1e9), stood_still)
        display = self._view.display
        # A display that shows messages prints the recorded warning.
        if is_new and attach_pb2.EVENT_KIND_LOG not in display.wants.kinds:
            display.on_notice(late_wake_text(stood_still), warning=True)

    # -- in daemons

    def on_ready(self, daemon: Daemon) -> None:
        """A daemon can take orders."""
        if daemon.role == attach_pb2.ROLE_WRAPPERS:
            self._dispatch.on_host(daemon.name, self._clock.monotonic())
            self._engine.add_hand(daemon.name, daemon)
        source = partial(LiveSource, daemon.store_path)
        self._view.follow(daemon.store_id, source, tiers=daemon.role == attach_pb2.ROLE_TIER)

    def on_batch(self, daemon: Daemon, batch: attach_pb2.Batch, events: Sequence[event_pb2.Event]) -> None:
        """A daemon reports: keep it, act on it, and ack it once it is kept."""
        self._store.absorb(batch, partial(self._ack, daemon, batch))
        for event in events:
            if daemon.role == attach_pb2.ROLE_TIER:
                self._of_tiers().on_event(daemon, event)
            else:
                self._on_job_event(event)
        self._view.poke(daemon.store_id)
        self._view.changed()

    def on_message(self, daemon: Daemon, message: attach_pb2.AttachRequest) -> None:
        """A daemon says something else than events."""
        now = self._clock.monotonic()
        match message.WhichOneof("message"):
            case "recalled":
                refs = message.recalled.attempts
                self._engine.on_recalled([(ref.path, ref.attempt) for ref in refs])
            case "lease_request":
                self._dispatch.on_wishes(daemon.name, message.lease_request.wishes, now)
                self._engine.turn_soon()
            case "lease_return":
                self._dispatch.on_leases_returned(daemon.name, message.lease_return.leases, now)
                self._engine.turn_soon()
            case "late_wake":
                self.on_late_wake(message.late_wake.stood_still_nanos)
            case "tip":
                self._view.poke(message.tip.position.store)
                if message.tip.disk_full:
                    self._tell_disk_full()
            case _:
                pass

    def on_dead(self, daemon: Daemon, why: str) -> None:
        """A daemon died: what it ran is lost."""
        now = self._clock.monotonic()
        self._view.display.on_notice(f"{why}; its log is {self._logs / daemon.name}.log", warning=True)
        if daemon.role == attach_pb2.ROLE_TIER:
            self._of_tiers().on_dead(daemon, why)
        elif daemon.name in self._engine.hands:
            started, unstarted = self._dispatch.on_host_lost(daemon.name, now)
            for path, _ in started:
                self._view.started.pop(path, None)
            self._engine.on_hand_lost(daemon.name, started, unstarted, why)
        else:
            self._dispatch.on_host_start_failed(now)
            self._engine.turn_soon()

    def on_cannot_start(self, why: str) -> None:
        """Daemons cannot be started, three times in a row."""
        self._tell_cannot_start(why)

    def _of_tiers(self) -> TierDaemons:
        if self.tiers is None:
            raise AssertionError("a tier daemon reports to a root that has placed none")
        return self.tiers

    def _ack(self, daemon: Daemon, batch: attach_pb2.Batch) -> None:
        """Ack soon: acks only give credit back, so that one for many batches will do."""
        if not self._acks:
            self._loop.call_later(ACK_SECONDS, self._send_acks)
        self._acks[daemon] = batch

    def _send_acks(self) -> None:
        acks, self._acks = self._acks, {}
        for daemon, batch in acks.items():
            if daemon.link is not None:
                position = attach_pb2.StorePosition(store=batch.store, seq=batch.through)
                ack = attach_pb2.Ack(subscription=SUBSCRIPTION, position=position)
                daemon.link.send(attach_pb2.AttachResponse(ack=ack))

    def _on_job_event(self, event: event_pb2.Event) -> None:
        match event.WhichOneof("payload"):
            case "started":
                self.on_started(event.path, event.attempt)
            case "attempt_finished":
                self.on_finished(event.path, event.attempt, event.attempt_finished)
            case _:
                pass
