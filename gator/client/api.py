"""Messages and metrics from inside a Python job: `gator.client.info("ready")`, `metric("cycles", 7)`.

A job is never failed or held up for long by its own messages: where the parent does not take them they are
dropped, and counted. Outside of Gator everything here does nothing, and says so once.
"""

import atexit
import logging
import os
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from types import TracebackType
from typing import Final

from gator.client.backlog import PATIENCE_SECONDS, notice_event
from gator.client.convert import (
    PIECE_CHARACTERS,
    SHOWN_CHARACTERS,
    clean,
    kind_of,
    number_of,
    pieces,
    severity_of,
    severity_of_level,
    text_of,
)
from gator.client.delivery import Delivery
from gator.client.notice import say
from gator.core.attempt.metrics import NAME_RULE, is_metric_name
from gator.v1 import attach_pb2, event_pb2

__all__ = [
    "Client",
    "GatorHandler",
    "connect",
    "critical",
    "debug",
    "error",
    "flush",
    "info",
    "log",
    "metric",
    "warning",
]

EXIT_SECONDS: Final = 10.0
"""Timeout for the exit of a program, which waits until its messages are kept."""
_LEAVE_SECONDS: Final = 5.0
"""Timeout for the worker thread to stop; only the resolution of a host name can delay it."""

_SETTLE_SECONDS: Final = 2.0
"""Timeout before a fork for what was said to be kept; none after one that was not."""
_UNCOUNTED_SECONDS: Final = 1.0
"""Timeout for an ended thread to leave the kernel's list of threads, which takes microseconds."""

_MAX_REMARKED: Final = 10
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
        self._said = self._closed = False
        self._remarked: set[str] = set()
        self._delivery: Delivery | None = None
        self._reset()
        _clients.add(self)

    def _reset(self) -> None:
        """Initialises the state; again in a forked process, where earlier threads and locks are unusable."""
        inherited, self._delivery = self._delivery, None
        if inherited is not None:
            inherited.close()
        self._worker: threading.Thread | None = None
        self._leaving = self._paused = False
        self._patient = self._settles = True

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
        Raises ValueError for another severity, and TypeError where `severity` or `logger` is no str.
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

        `value` is a number of any type that `float` converts, but no str. `kind` says how values are folded:
        last, sum, min, max or mean. NaN and a value whose name is refused are not recorded; a warning of
        Gator says so once for each name.

        Raises TypeError for an argument of another type, and ValueError for another kind and for a number
        that no float can hold, such as 10**400.
        """
        text_of("the name of a metric", name)
        event = event_pb2.Event(time_unix_nanos=time.time_ns())
        event.metric.value = number_of(f"the value of the metric {name[:SHOWN_CHARACTERS]!r}", value)
        event.metric.kind = kind_of(text_of("kind", kind))
        event.metric.unit = clean(text_of("unit", unit))
        if not is_metric_name(name):
            self._remark(name, f"the metric {name[:SHOWN_CHARACTERS]!r} is not recorded: {NAME_RULE}")
        elif isnan(event.metric.value):
            self._remark(name, f"the metric {name} is not recorded: its value is NaN")
        else:
            event.metric.name = name
            self.put(event)

    def put(self, event: event_pb2.Event, *, notice: bool = False) -> None:
        """Records an event with a log or a metric; the parent fills in path and attempt.

        A `notice` comes from the client itself and never counts against the job.
        """
        if not self._address:
            self._say_once("not inside a job of Gator: nothing is recorded")
            return
        if self._closed or sys.is_finalizing():
            # At interpreter shutdown, frozen threads may hold any lock.
            return
        delivery = self._delivery or self._start()
        if self._threaded:
            self._go_on()
        delivery.backlog.put(event, patient=self._threaded, notice=notice)
        if not self._threaded and not self.flush(PATIENCE_SECONDS if self._patient else 0.0):
            self._give_up_waiting()

    def flush(self, timeout_seconds: float = EXIT_SECONDS) -> bool:
        """Waits until everything said so far is kept by the parent; False when that took too long."""
        delivery = self._delivery
        if delivery is None or sys.is_finalizing():
            return True
        if self._threaded and len(delivery.backlog):
            self._go_on()
        if self._threaded:
            return delivery.backlog.wait_kept(timeout_seconds)
        last = delivery.backlog.last_number
        kept = delivery.pump(lambda: not delivery.backlog.holds(last), timeout_seconds)
        self._patient = self._patient or kept
        return kept

    def close(self, timeout_seconds: float = EXIT_SECONDS) -> None:
        """Flushes and ends the connection. Later messages are lost."""
        delivery = self._delivery
        if self._closed or delivery is None:
            return
        self._flush_or_say(timeout_seconds)
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
        with _lifecycle:
            if self._delivery is None:
                self._threaded = self._threaded and not _may_end_suddenly()
                delivery = Delivery(self._address, self._token, self._hello(), self._on_refused)
                # First, because another thread may use the delivery and end the program from then on.
                atexit.register(self._on_exit)
                self._delivery = delivery
                if self._threaded:
                    self._start_worker()
            return self._delivery

    def _start_worker(self) -> None:
        self._leaving = False
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
            delivery.pump(lambda: self._leaving)
        except Exception as error:
            # A fault of the client must not break the job.
            delivery.backlog.shut()
            self._on_refused(f"{type(error).__name__}: {error}")

    def _stop_worker(self) -> bool:
        """Returns whether no worker runs any more."""
        worker, delivery = self._worker, self._delivery
        if worker is None or delivery is None:
            return True
        self._leaving = True
        delivery.wake()
        worker.join(_LEAVE_SECONDS)
        return not worker.is_alive()

    def pause(self) -> None:
        """Stops the worker before a fork, if possible when everything said is kept."""
        worker, delivery = self._worker, self._delivery
        if worker is None or delivery is None:
            return
        if worker.is_alive() and not self._leaving:
            self._settles = delivery.backlog.wait_kept(_SETTLE_SECONDS if self._settles else 0.0)
        if self._stop_worker() and worker.native_id is not None:
            _wait_until_uncounted(worker.native_id)

    def resume(self) -> None:
        """Lets the worker go on in the parent process after a fork.

        Without messages to send, the next message restarts it: Python 3.12 and later warn of a fork in a
        process that has threads, and 3.13 looks after this function has returned.
        """
        delivery = self._delivery
        if self._worker is None or delivery is None or self._closed or not self._threaded:
            return
        self._paused = True
        if self._worker.is_alive() or len(delivery.backlog):
            self._go_on()

    def _go_on(self) -> None:
        """Restarts the worker if a fork has stopped it."""
        if not self._paused:
            return
        with _lifecycle:
            if not self._paused:
                return
            self._paused = self._leaving = False
            if self._worker is not None and not self._worker.is_alive():
                self._worker = None
                self._start_worker()

    def begin_in_child(self) -> None:
        """Resets the client in a forked process."""
        self._threaded = False
        self._reset()

    def _on_exit(self) -> None:
        """Flushes; later messages of other `atexit` functions are sent synchronously."""
        if _lifecycle.acquire(timeout=_LEAVE_SECONDS):
            # A start in another thread is over now, with a worker or without.
            _lifecycle.release()
        self._flush_or_say(EXIT_SECONDS if self._patient else 0.0)
        if self._stop_worker():
            self._threaded = False

    def _flush_or_say(self, timeout_seconds: float) -> None:
        if not self.flush(timeout_seconds):
            self._give_up_waiting()

    def _give_up_waiting(self) -> None:
        self._patient = False
        delivery = self._delivery
        if delivery is not None and (lost := len(delivery.backlog)):
            noun = "message of this job was" if lost == 1 else "messages of this job were"
            self._say_once(f"{lost} {noun} not recorded: its parent did not answer")

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
        if not self._leaving:
            self._say_once(f"messages of this job are no longer recorded: {why}")

    def _say_once(self, text: str) -> None:
        if not self._said:
            self._said = True
            say(text)

    def _remark(self, metric: str, text: str) -> None:
        """Records why a metric is not recorded, once for each of at most `_MAX_REMARKED` metrics."""
        if metric in self._remarked or len(self._remarked) > _MAX_REMARKED:
            return
        self._remarked.add(metric)
        if len(self._remarked) > _MAX_REMARKED:
            text = "more metrics are not recorded, and no further ones are named"
        self.put(notice_event(clean(text)[:PIECE_CHARACTERS], time.time_ns()), notice=True)


class GatorHandler(logging.Handler):
    """Sends the records of the standard `logging` to Gator, as messages with their logger's name."""

    def __init__(self, level: int | str = logging.NOTSET, client: Client | None = None) -> None:
        super().__init__(level)
        self._client = client

    def emit(self, record: logging.LogRecord) -> None:
        """Records one record. Those of grpc itself are left out, for they may speak of the sending."""
        if record.name == "grpc" or record.name.startswith("grpc."):
            return
        try:
            event = event_pb2.Event(time_unix_nanos=int(record.created * 1e9))
            event.log.severity = severity_of_level(record.levelno)
            event.log.logger = clean(record.name)
            event.log.file = clean(record.pathname)
            event.log.file_line = max(record.lineno, 0)
            client = self._client or _default()
            for piece in pieces(clean(self.format(record))):
                event.log.text = piece
                client.put(event)
        except Exception:
            # Logging never fails the program that logs: this is what all handlers do.
            self.handleError(record)


def connect(environ: Mapping[str, str] | None = None) -> Client:
    """Returns a separate client, for use as a context manager; the functions of this module share one."""
    return Client(os.environ if environ is None else environ)


def log(text: object, *, severity: str = "info", logger: str = "", **fields: object) -> None:
    """Records one message with further fields; see Client.log."""
    _default().log(text, severity=severity, logger=logger, fields=fields)


def debug(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a message of interest while looking for a fault."""
    log(text, severity="debug", logger=logger, **fields)


def info(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a message that is as expected."""
    log(text, severity="info", logger=logger, **fields)


def warning(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a message about what may be a fault."""
    log(text, severity="warning", logger=logger, **fields)


def error(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a fault; by default one fault fails the attempt."""
    log(text, severity="error", logger=logger, **fields)


def critical(text: object, *, logger: str = "", **fields: object) -> None:
    """Records a fault after which nothing more can be expected."""
    log(text, severity="critical", logger=logger, **fields)


def metric(name: str, value: float, *, kind: str = "last", unit: str = "") -> None:
    """Records one value of a metric; see Client.metric."""
    _default().metric(name, value, kind=kind, unit=unit)


def flush(timeout_seconds: float = EXIT_SECONDS) -> bool:
    """Waits until everything said so far is kept; False when that took too long."""
    return _default().flush(timeout_seconds)


_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()
_shared: list[Client] = []
_lifecycle = threading.RLock()
"""Held while a client starts, and by a forking thread from before the fork until after it."""
_at_fork: list[Client] = []
_forked: list[int] = []
"""The pid of this process if it was forked after this module was imported."""


def _default() -> Client:
    # Without a lock: a frozen thread might hold it while a destructor sends a message.
    if not _shared:
        with _lifecycle:
            if not _shared:
                _shared.append(Client(os.environ))
    return _shared[0]


def _may_end_suddenly() -> bool:
    """Returns whether this process may end without calling `atexit`, or is about to end.

    Forked processes and those of multiprocessing may end without calling it.
    """
    if _forked or not threading.main_thread().is_alive():
        return True
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None


def _wait_until_uncounted(thread: int) -> None:
    """Waits until the kernel does not count an ended thread any more, for at most `_UNCOUNTED_SECONDS`.

    A join returns shortly before that, and Python 3.12 warns of a fork by the kernel's count.
    """
    deadline = time.monotonic() + _UNCOUNTED_SECONDS
    listed = Path("/proc/self/task", str(thread))
    while listed.exists() and time.monotonic() < deadline:
        time.sleep(0.0001)


def _before_fork() -> None:
    _lifecycle.acquire()
    _at_fork[:] = list(_clients)
    for client in _at_fork:
        client.pause()


def _after_fork() -> None:
    for client in _at_fork:
        client.resume()
    _at_fork.clear()
    _lifecycle.release()


def _after_fork_in_child() -> None:
    global _lifecycle  # noqa: PLW0603 - it is held, and threads that waited for it are not here
    _lifecycle = threading.RLock()
    _forked[:] = [os.getpid()]
    for client in _at_fork:
        client.begin_in_child()
    _at_fork.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
