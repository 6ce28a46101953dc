"""Writes to the diagnostic log why attempts are or are not handed out, and which leases are out."""

import logging
from collections.abc import Sequence

from gator.core.dispatch import actions as disp
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.queues import Queue


class DispatchLog:
    """Follows one dispatcher; an engine calls it only if it has one."""

    def __init__(self, log: logging.Logger, dispatch: Dispatcher) -> None:
        self._log, self._dispatch = log, dispatch
        self._reasons: dict[Queue, str] = {}
        """The last logged reason of each queue."""

    def on_ready(self, ready: disp.Ready) -> None:
        """Logs that an attempt may start as soon as the resources allow."""
        path, attempt = ready.key
        alone = ", alone in a fresh daemon" if ready.alone else ""
        self._log.debug("ready: %s (attempt %d), weight %d%s", path, attempt, ready.weight, alone)

    def on_ended(self, key: disp.Key) -> None:
        """Logs that an attempt gives its lease back, or passes it on."""
        self._log.debug("ended: %s (attempt %d)", *key)

    def after_poll(self, actions: Sequence[object]) -> None:
        """Logs the actions of a poll, and the reasons of the queues that changed."""
        for action in actions:
            self._on_action(action)
        reasons = dict(self._dispatch.explain_queues())
        for queue, text in reasons.items():
            if self._reasons.get(queue) != text:
                self._log.info("waits: %s", text)
        self._reasons = reasons

    def _on_action(self, action: object) -> None:
        match action:
            case disp.HandOut(host, lease, cores, (path, attempt)):
                self._log.info(
                    "handed out: %s (attempt %d) to %s on lease %d, %d cores",
                    path,
                    attempt,
                    host,
                    lease,
                    cores,
                )
            case disp.Recall(host, leases):
                self._log.info("recalls what has not started on leases %s of %s", list(leases), host)
            case disp.Grant(host, leases):
                for lease in leases:
                    self._log.info("granted: lease %d to %s, %d cores", lease.id, host, lease.cores)
            case disp.StartHost(count, alone):
                self._log.info("asks for %d daemons%s", count, " for lost attempts" if alone else "")
            case disp.RetireHost(host):
                self._log.info("retires %s", host)
            case _:
                pass
