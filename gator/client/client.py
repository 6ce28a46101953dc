"""The connection of a job's process to its parent.

Invariant: a job is never failed or delayed for long by its own messages: those that the parent does not take
are dropped, and counted.
"""

import atexit
import os
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from math import isnan
from types import TracebackType
from typing import Final

from gator.client import forks
from gator.client.backlog import MAX_WAIT_SECONDS, notice_event
from gator.client.convert import (
    PIECE_CHARACTERS,
    SHOWN_CHARACTERS,
    clean,
    kind_of,
    number_of,
    pieces,
    severity_of,
    text_of,
)
from gator.client.delivery import Delivery
from gator.client.notice import write_notice
from gator.spec.metric_names import NAME_RULE, is_metric_name
from gator.v1 import attach_pb2, event_pb2

EXIT_SECONDS: Final = 10.0
"""Timeout for the exit of a program, which waits until its messages are kept."""
_STOP_SECONDS: Final = 5.0
"""Timeout for the worker thread to stop; only the resolution of a host name can delay it."""

_FORK_WAIT_SECONDS: Final = 2.0
"""Timeout before a fork for the parent to keep all messages; no wait after one that timed out."""

_MAX_WARNED: Final = 10
"""Maximum number of metrics whose warning says why they are not recorded."""


class Client:
    """A connection to the parent of this job; use `connect`.

    It is made by the first message. A thread sends and receives; it is stopped around a fork, so that a child
    inherits no lock held by the thread. Without `threaded` there is no thread, and each call returns when its
    message is kept: this is used in forked processes and in those of multiprocessing, which often end
    without notice (`os._exit`, the workers of a Pool).
    """

    def __init__(self, environ: Mapping[str, str], *, threaded: bool = True) -> None:
        self._address = environ.get("GATOR_PARENT", "")
        self._token = environ.get("GATOR_TOKEN", "")
        self._path = environ.get("GATOR_PATH", "")
        self._run = environ.get("GATOR_RUN", "")
        attempt = environ.get("GATOR_ATTEMPT", "")
        self._attempt = int(attempt) if attempt.isdecimal() else 0
        self._threaded = threaded
        self._has_notified = self._closed = False
        self._warned: set[str] = set()
        self._delivery: Delivery | None = None
        self._reset()
        forks.register(self)

    def _reset(self) -> None:
        """Initialises the state; again in a forked process, where earlier threads and locks are unusable."""
        inherited, self._delivery = self._delivery, None
        if inherited is not None:
            inherited.close()
        self._worker: threading.Thread | None = None
        self._stopping = self._paused = False
        self._parent_answers = self._settled = True

    def log(
        self,
        text: object,
        *,
        severity: str = "info",
        logger: str = "",
        fields: Mapping[str, object] | None = None,
    ) -> None:
        """Records one message.

        `severity` is debug, info, warning, error or critical; `text` and `fields` are kept as strings.
        Raises ValueError for another severity, and TypeError where `severity` or `logger` is not a str.
        """
        level = severity_of(text_of("severity", severity))
        logger = clean(text_of("logger", logger))
        kept = {
            clean(str(name)): clean(str(value))[:PIECE_CHARACTERS] for name, value in (fields or {}).items()
        }
        for piece in pieces(clean(str(text))):
            event = event_pb2.Event(time_unix_nanos=time.time_ns())
            event.log.severity = level
            event.log.text = piece
            event.log.logger = logger
            event.log.fields.update(kept)
            self.put(event)

    def metric(self, name: str, value: float, *, kind: str = "last", unit: str = "") -> None:
        """Records one value of a metric.

        `value` is a number of any type that `float` converts, but not a str. `kind` is how values are folded:
        last, sum, min, max or mean. NaN and a value whose name is refused are not recorded; a warning of
        Gator says so once for each name.

        Raises TypeError for an argument of another type, and ValueError for another kind or a number that a
        float cannot hold, such as 10**400.
        """
        text_of("the name of a metric", name)
        event = event_pb2.Event(time_unix_nanos=time.time_ns())
        event.metric.value = number_of(f"the value of the metric {name[:SHOWN_CHARACTERS]!r}", value)
        event.metric.kind = kind_of(text_of("kind", kind))
        event.metric.unit = clean(text_of("unit", unit))
        if not is_metric_name(name):
            self._warn_once(name, f"the metric {name[:SHOWN_CHARACTERS]!r} is not recorded: {NAME_RULE}")
        elif isnan(event.metric.value):
            self._warn_once(name, f"the metric {name} is not recorded: its value is NaN")
        else:
            event.metric.name = name
            self.put(event)

    def put(self, event: event_pb2.Event, *, notice: bool = False) -> None:
        """Records an event with a log or a metric; the parent fills in path and attempt.

        A `notice` comes from the client itself and never counts against the job.
        """
        if not self._address:
            self._notify_once("not inside a job of Gator: nothing is recorded")
            return
        if self._closed or sys.is_finalizing():
            # At interpreter shutdown, frozen threads may hold any lock.
            return
        delivery = self._delivery or self._start()
        if self._threaded:
            self._restart_worker()
        delivery.backlog.put(event, wait=self._threaded, notice=notice)
        if not self._threaded and not self.flush(MAX_WAIT_SECONDS if self._parent_answers else 0.0):
            self._give_up_waiting()

    def flush(self, timeout_seconds: float = EXIT_SECONDS) -> bool:
        """Waits until the parent has kept all messages so far. Returns False on timeout."""
        delivery = self._delivery
        if delivery is None or sys.is_finalizing():
            return True
        if self._threaded and len(delivery.backlog):
            self._restart_worker()
        if self._threaded:
            return delivery.backlog.wait_kept(timeout_seconds)
        last = delivery.backlog.last_number
        kept = delivery.pump(lambda: not delivery.backlog.holds(last), timeout_seconds)
        self._parent_answers = self._parent_answers or kept
        return kept

    def parameters(self, timeout_seconds: float = EXIT_SECONDS) -> str | None:
        """Returns the parameters of the job by name as JSON, empty if it has none or there is no job.

        Queries the parent, for which the client must not have a thread. Returns None on timeout.
        """
        if not self._address:
            return ""
        return (self._delivery or self._start()).parameters(timeout_seconds)

    def close(self, timeout_seconds: float = EXIT_SECONDS) -> None:
        """Flushes and ends the connection. Later messages are dropped."""
        delivery = self._delivery
        if self._closed or delivery is None:
            return
        self._flush_or_notify(timeout_seconds)
        self._closed = True
        delivery.backlog.shut()
        if self._stop_worker():
            delivery.close()
        atexit.unregister(self._on_exit)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(EXIT_SECONDS)

    def _start(self) -> Delivery:
        with forks.lifecycle:
            if self._delivery is None:
                self._threaded = self._threaded and not forks.may_end_suddenly()
                delivery = Delivery(self._address, self._token, self._hello(), self._on_refused)
                # First, because another thread may use the delivery and end the program from then on.
                atexit.register(self._on_exit)
                self._delivery = delivery
                if self._threaded:
                    self._start_worker()
            return self._delivery

    def _start_worker(self) -> None:
        self._stopping = False
        # The exit does not wait for daemon threads, and a frozen one holds no lock that a destructor needs.
        worker = threading.Thread(target=self._work, name="gator-client", daemon=True)
        try:
            worker.start()
        except RuntimeError:
            # From Python 3.12 on, no thread can be started after the main thread has ended.
            self._threaded = False
        else:
            self._worker = worker

    def _work(self) -> None:
        """Sends and receives until the worker is told to stop."""
        delivery = self._delivery
        assert delivery is not None
        try:
            delivery.pump(lambda: self._stopping)
        except Exception as error:
            # A fault of the client must not break the job.
            delivery.backlog.shut()
            self._on_refused(f"{type(error).__name__}: {error}")

    def _stop_worker(self) -> bool:
        """Returns whether no worker runs any more."""
        worker, delivery = self._worker, self._delivery
        if worker is None or delivery is None:
            return True
        self._stopping = True
        delivery.wake()
        worker.join(_STOP_SECONDS)
        return not worker.is_alive()

    def pause(self) -> None:
        """Stops the worker before a fork, if possible after the parent has kept all messages."""
        worker, delivery = self._worker, self._delivery
        if worker is None or delivery is None:
            return
        if worker.is_alive() and not self._stopping:
            self._settled = delivery.backlog.wait_kept(_FORK_WAIT_SECONDS if self._settled else 0.0)
        if self._stop_worker() and worker.native_id is not None:
            forks.wait_until_unlisted(worker.native_id)

    def resume(self) -> None:
        """Resumes the worker in the parent process after a fork.

        Without messages to send, the next message restarts it: Python 3.12 and later warn of a fork in a
        process that has threads, and 3.13 looks after this function has returned.
        """
        delivery = self._delivery
        if self._worker is None or delivery is None or self._closed or not self._threaded:
            return
        self._paused = True
        if self._worker.is_alive() or len(delivery.backlog):
            self._restart_worker()

    def _restart_worker(self) -> None:
        """Restarts the worker if a fork has stopped it."""
        if not self._paused:
            return
        with forks.lifecycle:
            if not self._paused:
                return
            self._paused = self._stopping = False
            if self._worker is not None and not self._worker.is_alive():
                self._worker = None
                self._start_worker()

    def reset_in_child(self) -> None:
        """Resets the client in a forked process."""
        self._threaded = False
        self._reset()

    def _on_exit(self) -> None:
        """Flushes; later messages of other `atexit` functions are sent synchronously."""
        if forks.lifecycle.acquire(timeout=_STOP_SECONDS):
            # A start in another thread is over now, with a worker or without.
            forks.lifecycle.release()
        self._flush_or_notify(EXIT_SECONDS if self._parent_answers else 0.0)
        if self._stop_worker():
            self._threaded = False

    def _flush_or_notify(self, timeout_seconds: float) -> None:
        if not self.flush(timeout_seconds):
            self._give_up_waiting()

    def _give_up_waiting(self) -> None:
        self._parent_answers = False
        delivery = self._delivery
        if delivery is not None and (lost := len(delivery.backlog)):
            noun = "message of this job was" if lost == 1 else "messages of this job were"
            self._notify_once(f"{lost} {noun} not recorded: its parent did not answer")

    def _hello(self) -> attach_pb2.Hello:
        from gator import __version__

        return attach_pb2.Hello(
            role=attach_pb2.ROLE_CLIENT,
            id=uuid.uuid4().hex,
            pid=os.getpid(),
            version=__version__,
            path=self._path,
            attempt=self._attempt,
            run=self._run,
        )

    def _on_refused(self, why: str) -> None:
        if not self._stopping:
            self._notify_once(f"messages of this job are no longer recorded: {why}")

    def _notify_once(self, text: str) -> None:
        if not self._has_notified:
            self._has_notified = True
            write_notice(text)

    def _warn_once(self, metric: str, text: str) -> None:
        """Records why a metric is not recorded, once for each of at most `_MAX_WARNED` metrics."""
        if metric in self._warned or len(self._warned) > _MAX_WARNED:
            return
        self._warned.add(metric)
        if len(self._warned) > _MAX_WARNED:
            text = "more metrics are not recorded, and no further ones are named"
        self.put(notice_event(clean(text)[:PIECE_CHARACTERS], time.time_ns()), notice=True)
