"""Messages and metrics from inside a Python job: `gator.client.info("ready")`, `metric("cycles", 7)`.

A job is never failed or held up for long by its own messages: where the parent does not take them they are
dropped, and counted. Outside of Gator everything here does nothing, and says so once.
"""

import atexit
import contextlib
import logging
import os
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Generator, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final

from gator import errors
from gator.client_backlog import Backlog
from gator.client_words import PIECE_CHARACTERS, clean, kind_of, pieces, severity_of, severity_of_level
from gator.v1 import attach_pb2, event_pb2

if TYPE_CHECKING:
    import grpc

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
"""How long the end of a program waits for its messages to be kept."""
_FORKS: Final = "GRPC_ENABLE_FORK_SUPPORT"


class Client:
    """A connection to the parent of this job; use `connect`.

    It is made when something is first said, in a thread of its own, and made again after a cut or a fork.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("GATOR_PARENT", "")
        self._token = environ.get("GATOR_TOKEN", "")
        self._path = environ.get("GATOR_PATH", "")
        self._run = environ.get("GATOR_RUN", "")
        attempt = environ.get("GATOR_ATTEMPT", "")
        self._attempt = int(attempt) if attempt.isdecimal() else 0
        self._said = False
        self._reset()
        _clients.add(self)

    def _reset(self) -> None:
        """A fresh start, also in a forked process, where the threads and locks of before are of no use."""
        self._id = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._backlog = Backlog()
        self._closing = threading.Event()
        self._worker: threading.Thread | None = None
        self._dialled = threading.Event()
        self._call: grpc.Call | None = None
        self._exit_deadline: float | None = None

    def log(
        self,
        text: str,
        *,
        severity: str = "info",
        logger: str = "",
        fields: Mapping[str, object] | None = None,
    ) -> None:
        """Records one message.

        `severity` is debug, info, warning, error or critical; `fields` are kept beside the text as strings.
        Raises ValueError for another severity.
        """
        level = severity_of(severity)
        kept = {clean(name): clean(str(value))[:PIECE_CHARACTERS] for name, value in (fields or {}).items()}
        for piece in pieces(clean(text)):
            event = event_pb2.Event(time_unix_nanos=time.time_ns())
            event.log.severity = level
            event.log.text = piece
            event.log.logger = logger
            event.log.fields.update(kept)
            self.put(event)

    def metric(self, name: str, value: float, *, kind: str = "last", unit: str = "") -> None:
        """Records one value of a metric.

        `kind` says how values are folded: last, sum, min, max or mean. Raises ValueError for another kind.
        NaN is no value: that is said once on stderr, and nothing is recorded.
        """
        if value != value:
            self._say_once(f"the metric {name} was NaN: that is not recorded")
            return
        event = event_pb2.Event(time_unix_nanos=time.time_ns())
        event.metric.name = clean(name)
        event.metric.value = value
        event.metric.kind = kind_of(kind)
        event.metric.unit = clean(unit)
        self.put(event)

    def put(self, event: event_pb2.Event) -> None:
        """Records an event that holds a log or a metric; path and attempt are the parent's to fill in."""
        if not self._address:
            self._say_once("not inside a job of Gator: nothing is recorded")
            return
        if self._worker is None:
            self._start()
        self._backlog.put(event)

    def flush(self, timeout_seconds: float = EXIT_SECONDS) -> bool:
        """Waits until everything said so far is kept by the parent; False when that took too long."""
        return self._worker is None or self._backlog.wait_empty(timeout_seconds)

    def close(self, timeout_seconds: float = EXIT_SECONDS) -> None:
        """Flushes and ends the connection. What is said afterwards is lost."""
        worker = self._worker
        if worker is None:
            return
        self._flush_or_say(timeout_seconds)
        self._closing.set()
        self._backlog.shut()
        call = self._call
        if call is not None:
            call.cancel()
        worker.join(1.0)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        with self._lock:
            if self._worker is not None:
                return
            self._worker = threading.Thread(target=self._work, name="gator-client", daemon=True)
            self._worker.start()
            # A thread that Python waits for before it shuts down: until then threads can be started,
            # which the connection of a very short program still needs.
            threading.Thread(target=self._flush_after_main, name="gator-client-exit").start()
            if sys.version_info[:2] == (3, 12):
                # 3.12 starts no thread at all once the main thread is over: the first call must not be late.
                self._dialled.wait(EXIT_SECONDS)
            atexit.register(self._close_at_exit)

    def _flush_after_main(self) -> None:
        threading.main_thread().join()
        self._exit_deadline = time.monotonic() + EXIT_SECONDS
        # A process that multiprocessing has forked comes no further.
        self._flush_or_say(EXIT_SECONDS)

    def _flush_or_say(self, timeout_seconds: float) -> None:
        if not self.flush(timeout_seconds) and (lost := len(self._backlog)):
            noun = "message of this job was" if lost == 1 else "messages of this job were"
            self._say_once(f"{lost} {noun} not recorded: its parent did not answer")

    def _close_at_exit(self) -> None:
        deadline = self._exit_deadline
        self.close(EXIT_SECONDS if deadline is None else max(deadline - time.monotonic(), 0.0))

    def _work(self) -> None:
        """Keeps a stream to the parent until the client is closed or the parent refuses it."""
        with _bearing_forks():
            from gator import rpc, rpc_status
            from gator.v1 import parent_service_pb2_grpc

            import grpc  # isort: skip - after rpc, which imports it quietly

            channel = rpc.blocking_channel(self._address)
        attach = parent_service_pb2_grpc.ParentServiceStub(channel).Attach
        pause = 0.05
        while not self._closing.is_set():
            stream = _Stream(self._backlog, self._hello())
            try:
                # The server may come up after its job: wait for it.
                call = attach(stream.requests(), metadata=rpc.bearer(self._token), wait_for_ready=True)
                self._call = call
                self._dialled.set()
                for response in call:
                    pause = 0.05
                    stream.on_response(response)
            except grpc.RpcError as failure:
                if self._is_final(rpc_status.error_of_call(failure)):
                    break
            except RuntimeError:
                # Python is about to end and starts no thread for a further try.
                self._backlog.shut()
                break
            finally:
                self._dialled.set()
                stream.end()
            self._closing.wait(pause)
            pause = min(pause * 2, 1.0)
        channel.close()

    def _hello(self) -> attach_pb2.Hello:
        from gator import __version__

        return attach_pb2.Hello(
            role=attach_pb2.ROLE_CLIENT,
            id=self._id,
            pid=os.getpid(),
            version=__version__,
            path=self._path,
            attempt=self._attempt,
            run=self._run,
        )

    def _is_final(self, failure: Exception) -> bool:
        """Whether trying again is of no use; says so."""
        if not isinstance(
            failure, errors.UnauthenticatedError | errors.PreconditionError | errors.ProtocolError
        ):
            return False
        if not self._closing.is_set():
            self._say_once(f"messages of this job are not recorded any more: {failure}")
        self._backlog.shut()
        return True

    def _say_once(self, text: str) -> None:
        if not self._said:
            self._said = True
            print(f"gator: {text}", file=sys.stderr)  # noqa: T201 - there is no other way to tell


class _Stream:
    """One stream of a client: what it sends and how it takes answers."""

    def __init__(self, backlog: Backlog, hello: attach_pb2.Hello) -> None:
        self._backlog = backlog
        self._hello = hello
        self._number = 0
        self._welcomed = threading.Event()

    def requests(self) -> Iterator[attach_pb2.AttachRequest]:
        """What to send; grpc asks for it in a thread of its own."""
        yield attach_pb2.AttachRequest(hello=self._hello)
        self._welcomed.wait()
        while (record := self._backlog.take(self._number)) is not None:
            yield attach_pb2.AttachRequest(record=record)

    def on_response(self, response: attach_pb2.AttachResponse) -> None:
        """A message of the parent; unknown ones are ignored."""
        match response.WhichOneof("message"):
            case "welcome":
                self._number = self._backlog.begin(response.welcome.record)
                self._welcomed.set()
            case "record_ack":
                self._backlog.acked(response.record_ack.number)
            case _:
                pass

    def end(self) -> None:
        """The stream is over: nothing is sent on it any more."""
        self._backlog.end_stream()
        self._welcomed.set()


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
    """A client of its own, to be used as a context manager; the functions of this module share one."""
    return Client(os.environ if environ is None else environ)


def log(text: str, *, severity: str = "info", logger: str = "", **fields: object) -> None:
    """Records one message with further fields; see Client.log."""
    _default().log(text, severity=severity, logger=logger, fields=fields)


def debug(text: str, *, logger: str = "", **fields: object) -> None:
    """Records a message of interest while looking for a fault."""
    log(text, severity="debug", logger=logger, **fields)


def info(text: str, *, logger: str = "", **fields: object) -> None:
    """Records a message that is as expected."""
    log(text, severity="info", logger=logger, **fields)


def warning(text: str, *, logger: str = "", **fields: object) -> None:
    """Records a message about what may be a fault."""
    log(text, severity="warning", logger=logger, **fields)


def error(text: str, *, logger: str = "", **fields: object) -> None:
    """Records a fault; by default one fault fails the attempt."""
    log(text, severity="error", logger=logger, **fields)


def critical(text: str, *, logger: str = "", **fields: object) -> None:
    """Records a fault after which nothing more can be expected."""
    log(text, severity="critical", logger=logger, **fields)


def metric(name: str, value: float, *, kind: str = "last", unit: str = "") -> None:
    """Records one value of a metric; see Client.metric."""
    _default().metric(name, value, kind=kind, unit=unit)


def flush(timeout_seconds: float = EXIT_SECONDS) -> bool:
    """Waits until everything said so far is kept; False when that took too long."""
    return _default().flush(timeout_seconds)


@contextlib.contextmanager
def _bearing_forks() -> Generator[None]:
    """Meanwhile gRPC may be started so that it survives a fork; else it may crash or hang in the child.

    It looks when it is imported and when the first channel is made. Whoever has set it is obeyed, and
    programs that are started from here must not see it.
    """
    # It is not free of faults of its own, so it is for programs alone that look as if they were to fork.
    if _FORKS in os.environ or "multiprocessing" not in sys.modules:
        yield
        return
    os.environ[_FORKS] = "1"
    try:
        yield
    finally:
        os.environ.pop(_FORKS, None)


_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()
_shared: list[Client] = []
_shared_lock = threading.Lock()


def _default() -> Client:
    with _shared_lock:
        if not _shared:
            _shared.append(Client(os.environ))
        return _shared[0]


def _after_fork() -> None:
    global _shared_lock  # noqa: PLW0603 - the lock may have been held by a thread that is not here
    _shared_lock = threading.Lock()
    for client in list(_clients):
        client._reset()  # pyright: ignore[reportPrivateUsage] - of this module


os.register_at_fork(after_in_child=_after_fork)
