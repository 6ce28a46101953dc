"""What the tests of stores share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from gator.errors import StoreError
from gator.store import Store
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2

DEADLINE = 20.0
ANY_TIME = 1_700_000_000_000_000_000


@dataclass
class Turns:
    """A replacement of an event loop: posted calls run when a test waits for them."""

    posted: "SimpleQueue[Callable[[], object]]" = field(default_factory=SimpleQueue["Callable[[], object]"])

    def post(self, call: Callable[[], object]) -> None:
        self.posted.put(call)

    def until(self, condition: Callable[[], object]) -> None:
        """Run what is posted until something holds; raises queue.Empty at the deadline."""
        while not condition():
            self.posted.get(timeout=DEADLINE)()

    def until_written(self, store: Store) -> None:
        """Run what is posted until everything that was appended so far is committed."""
        done: list[bool] = []
        store.append((), lambda: done.append(True))
        self.until(lambda: done)


def make_store(
    path: Path,
    turns: Turns,
    *,
    catalogue: bool = False,
    on_commit: Callable[[], None] | None = None,
    on_disk_full: Callable[[], None] | None = None,
    on_failed: Callable[[StoreError], None] | None = None,
) -> Store:
    path.parent.mkdir(exist_ok=True)
    return Store.create(
        path,
        store_id=path.stem * 2,
        run="run",
        daemon=path.stem,
        host="here",
        catalogue=catalogue,
        post=turns.post,
        description=attach_pb2.RunDescription(run=query_pb2.Run(ident="top")),
        on_commit=on_commit,
        on_disk_full=on_disk_full,
        on_failed=on_failed,
    )


def log(path: str, text: str, severity: int = common_pb2.SEVERITY_INFO, attempt: int = 1) -> event_pb2.Event:
    message = event_pb2.LogEvent(text=text)
    message.severity = common_pb2.Severity.ValueType(severity)
    return event_pb2.Event(path=path, attempt=attempt, time_unix_nanos=ANY_TIME, log=message)


def block(path: str, data: bytes, first_line: int = 1, *, stderr: bool = False) -> event_pb2.Event:
    return event_pb2.Event(
        path=path,
        attempt=1,
        time_unix_nanos=ANY_TIME,
        block=event_pb2.Block(
            stream=common_pb2.STREAM_STDERR if stderr else common_pb2.STREAM_STDOUT,
            severity=common_pb2.SEVERITY_ERROR if stderr else common_pb2.SEVERITY_INFO,
            first_line=first_line,
            lines=data.count(b"\n"),
            size_bytes=len(data),
            encoding=event_pb2.Block.ENCODING_RAW,
            data=data,
        ),
    )


def declared(path: str, *, job: bool = True, time: int = ANY_TIME) -> event_pb2.Event:
    kind = common_pb2.NODE_KIND_JOB if job else common_pb2.NODE_KIND_GROUP
    return event_pb2.Event(
        path=path, time_unix_nanos=time, declared=event_pb2.Declared(kind=kind, jobs=1, seed=7, tags=["fast"])
    )


def started(path: str, attempt: int = 1, time: int = ANY_TIME) -> event_pb2.Event:
    return event_pb2.Event(
        path=path, attempt=attempt, time_unix_nanos=time, started=event_pb2.Started(host="here", pid=7)
    )


def finished(
    path: str,
    attempt: int = 1,
    outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_PASSED,
    time: int = ANY_TIME,
) -> event_pb2.Event:
    return event_pb2.Event(
        path=path,
        attempt=attempt,
        time_unix_nanos=time,
        attempt_finished=event_pb2.AttemptFinished(
            outcome=outcome,
            exit_code=0,
            counts=common_pb2.Counts(info=3),
            usage=event_pb2.Usage(wall_nanos=5),
        ),
    )


def result(
    path: str, outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_PASSED, time: int = ANY_TIME
) -> event_pb2.Event:
    return event_pb2.Event(
        path=path,
        time_unix_nanos=time,
        result=event_pb2.Result(
            outcome=outcome,
            attempts=1,
            counts=common_pb2.Counts(info=3),
            metrics=[event_pb2.MetricTotal(name="cycles", value=3.5, count=1)],
            first_error=event_pb2.ErrorMessage(text="no"),
        ),
    )
