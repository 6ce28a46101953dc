"""Passes the reports of attempts and daemons on to the engine, the dispatcher and the view.

Invariant: a batch of events is stored before it has any effect that others see, and acked after it is stored.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gator.core.dispatch.actions import HostAction
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.late_wakes import LateWakes
from gator.daemon.attempts.timer import late_wake_text
from gator.daemon.engine import Engine
from gator.daemon.fleet import SUBSCRIPTION, Daemon
from gator.daemon.root.ending import RunEnding
from gator.daemon.tiers.daemons import TierDaemons
from gator.daemon.view import View
from gator.ports import Clock
from gator.store import Store
from gator.v1 import attach_pb2, event_pb2

ACK_SECONDS = 0.02
"""Maximum delay of an ack: acks only return credit, so that one ack for several batches is enough."""


class AttemptReports:
    """Passes on the starts and ends of attempts, wherever they run."""

    def __init__(self, engine: Engine[HostAction], view: View, clock: Clock) -> None:
        self._engine, self._view, self._clock = engine, view, clock
        self._late_wakes = LateWakes()

    def on_started(self, path: str, attempt: int) -> None:
        """Reports that the process of an attempt has started."""
        self._view.started[path] = self._clock.monotonic()
        self._engine.on_started(path, attempt)
        self._view.changed()

    def on_finished(self, path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        """Reports the end of an attempt."""
        self._view.started.pop(path, None)
        self._engine.on_finished(path, attempt, end)
        self._view.changed()

    def on_late_wake(self, stood_still: int) -> None:
        """Reports once for all processes that one did not run for this time, in nanoseconds."""
        is_new = self._late_wakes.is_new(round(self._clock.monotonic() * 1e9), stood_still)
        display = self._view.display
        # A display that shows messages prints the recorded warning.
        if is_new and attach_pb2.EVENT_KIND_LOG not in display.wants.kinds:
            display.on_notice(late_wake_text(stood_still), warning=True)


class DaemonReports:
    """Passes on what daemons report. `logs` is the folder of their own output."""

    def __init__(
        self,
        store: Store,
        dispatch: Dispatcher,
        engine: Engine[HostAction],
        view: View,
        clock: Clock,
        attempts: AttemptReports,
        tiers: TierDaemons,
        ending: RunEnding,
        *,
        logs: Path,
    ) -> None:
        self._store, self._dispatch, self._engine = store, dispatch, engine
        self._view, self._clock, self._attempts = view, clock, attempts
        self._tiers, self._ending, self._logs = tiers, ending, logs
        self._loop = asyncio.get_running_loop()
        self._acks: dict[Daemon, attach_pb2.Batch] = {}

    def on_ready(self, daemon: Daemon) -> None:
        """Adds a daemon that accepts messages."""
        if daemon.role == attach_pb2.ROLE_WRAPPERS:
            self._dispatch.on_host(daemon.name, self._clock.monotonic())
            self._engine.add_executor(daemon.name, daemon)
        is_tier = daemon.role == attach_pb2.ROLE_TIER
        self._view.follow(daemon.store_id, daemon.store_path, tiers=is_tier)

    def on_batch(self, daemon: Daemon, batch: attach_pb2.Batch, events: Sequence[event_pb2.Event]) -> None:
        """Stores a batch, acts on its new events, and acks it once it is committed."""
        self._store.absorb(batch, partial(self._ack, daemon, batch))
        for event in events:
            if daemon.role == attach_pb2.ROLE_TIER:
                self._tiers.on_event(event)
            else:
                self._on_job_event(event)
        self._view.poke(daemon.store_id)
        self._view.changed()

    def on_message(self, daemon: Daemon, message: attach_pb2.AttachRequest) -> None:
        """Handles any message of a daemon except a batch."""
        now = self._clock.monotonic()
        match message.WhichOneof("message"):
            case "recalled":
                refs = message.recalled.attempts
                self._engine.on_recalled([(ref.path, ref.attempt) for ref in refs])
            case "lease_request":
                self._dispatch.on_lease_request(daemon.name, message.lease_request.requested, now)
                self._engine.turn_soon()
            case "lease_return":
                self._dispatch.on_leases_returned(daemon.name, message.lease_return.leases, now)
                self._engine.turn_soon()
            case "late_wake":
                self._attempts.on_late_wake(message.late_wake.stood_still_nanos)
            case "tip":
                self._view.poke(message.tip.position.store)
                if message.tip.disk_full:
                    self._ending.on_disk_full()
            case _:
                pass

    def on_dead(self, daemon: Daemon, why: str) -> None:
        """Handles the death of a daemon: its running attempts are lost."""
        now = self._clock.monotonic()
        self._view.display.on_notice(f"{why}; its log is {self._logs / daemon.name}.log", warning=True)
        if daemon.role == attach_pb2.ROLE_TIER:
            self._tiers.on_dead(daemon, why)
        elif daemon.name in self._engine.executors:
            started, unstarted = self._dispatch.on_host_lost(daemon.name, now)
            for path, _ in started:
                self._view.started.pop(path, None)
            self._engine.on_executor_lost(daemon.name, started, unstarted, why)
        else:
            self._dispatch.on_host_start_failed(now)
            self._engine.turn_soon()

    def on_cannot_start(self, why: str) -> None:
        """Ends the run because daemons repeatedly failed to start."""
        self._ending.on_cannot_start(why)

    def _ack(self, daemon: Daemon, batch: attach_pb2.Batch) -> None:
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
                self._attempts.on_started(event.path, event.attempt)
            case "attempt_finished":
                self._attempts.on_finished(event.path, event.attempt, event.attempt_finished)
            case _:
                pass
