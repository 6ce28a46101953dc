"""Builds the folders of small runs with the real store, without running anything."""

import json
import os
import shlex
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from gator.core.run_key import run_id_of
from gator.run_folder import LockHolder, RunFolder
from gator.store import Store
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, query_pb2, spec_pb2

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
KEY = os.urandom(32)
"""Other processes that test have other ones: nothing of a run is swept while a root with its id lives."""
RUN_ID = run_id_of(KEY)
OUT, ERR = common_pb2.STREAM_STDOUT, common_pb2.STREAM_STDERR


def event(path: str, at: float, attempt: int = 0, **payload: object) -> event_pb2.Event:
    """An event `at` seconds after the start of the run."""
    return event_pb2.Event(
        path=path,
        attempt=attempt,
        time_unix_nanos=START + round(at * SECOND),
        **payload,  # pyright: ignore[reportArgumentType] - one payload by its name
    )


def sort_key(path: str) -> str:
    """A sort key by the places of the nodes in `spec`; nodes that are not in it come after these."""
    keys: list[str] = []
    for name in path.split("/"):
        ident, _, index = name.partition("[")
        place = PLACES.index(ident) if ident in PLACES else len(PLACES)
        keys.append(f"{place:02}{ident}{index.rstrip(']'):0>9}")
    return "\x01".join(keys)


PLACES = ("top", "good", "bad", "last")


def job(path: str, at: float, *, allow_failure: bool = False) -> event_pb2.Event:
    return event(
        path,
        at,
        declared=event_pb2.Declared(
            kind=common_pb2.NODE_KIND_JOB,
            jobs=1,
            seed=7,
            demand=common_pb2.Demand(cores=1, memory_bytes=1 << 20),
            allow_failure=allow_failure,
            tags=["quick"],
            sort_key=sort_key(path),
        ),
    )


def group(path: str, at: float, children: int, jobs: int) -> event_pb2.Event:
    return event(
        path,
        at,
        declared=event_pb2.Declared(
            kind=common_pb2.NODE_KIND_GROUP, children=children, jobs=jobs, seed=7, sort_key=sort_key(path)
        ),
    )


def started(path: str, at: float, attempt: int = 1) -> event_pb2.Event:
    begun = event_pb2.Started(host="here", pid=4711, argv=["echo", "a b"], cwd="/tmp", cores=1)
    return event(path, at, attempt, started=begun)


def block(
    path: str,
    at: float,
    data: bytes,
    *,
    first: int = 1,
    stream: common_pb2.Stream.ValueType = OUT,
    continues: bool = False,
    attempt: int = 1,
) -> event_pb2.Event:
    ends = data.count(b"\n")
    begins = ends + (not data.endswith(b"\n")) - continues
    return event(
        path,
        at,
        attempt,
        block=event_pb2.Block(
            stream=stream,
            severity=common_pb2.SEVERITY_INFO if stream == OUT else common_pb2.SEVERITY_ERROR,
            first_line=first,
            lines=begins,
            counts=common_pb2.Counts(info=begins) if stream == OUT else common_pb2.Counts(error=begins),
            size_bytes=len(data),
            encoding=event_pb2.Block.ENCODING_RAW,
            data=data,
            continues=continues,
            last_read_unix_nanos=START + round(at * SECOND),
        ),
    )


def finished(
    path: str,
    at: float,
    outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_PASSED,
    *,
    attempt: int = 1,
    out: int = 0,
    err: int = 0,
    first_error: event_pb2.ErrorMessage | None = None,
) -> event_pb2.Event:
    failed = outcome != common_pb2.OUTCOME_PASSED
    return event(
        path,
        at,
        attempt,
        attempt_finished=event_pb2.AttemptFinished(
            outcome=outcome,
            reason=common_pb2.REASON_EXIT if failed else common_pb2.REASON_UNSPECIFIED,
            message="it returned 1" if failed else "",
            exit_code=int(failed),
            usage=USAGE,
            stdout_lines=out,
            stderr_lines=err,
            first_error=first_error,
        ),
    )


def result(
    path: str,
    at: float,
    outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_PASSED,
    *,
    tally: event_pb2.Tally | None = None,
    first_error: event_pb2.ErrorMessage | None = None,
    first_failure: str = "",
    metrics: Sequence[event_pb2.MetricTotal] = (),
    wall: float | None = None,
) -> event_pb2.Event:
    """The Result of a node; `wall` is its measured duration in seconds."""
    failed = outcome != common_pb2.OUTCOME_PASSED
    return event(
        path,
        at,
        result=event_pb2.Result(
            outcome=outcome,
            reason=common_pb2.REASON_EXIT if failed else common_pb2.REASON_UNSPECIFIED,
            message="it returned 1" if failed else "",
            attempts=1,
            usage=USAGE if wall is None else event_pb2.Usage(wall_nanos=round(wall * SECOND)),
            jobs=tally,
            first_error=first_error,
            first_failure=first_failure,
            metrics=metrics,
        ),
    )


USAGE = event_pb2.Usage(
    wall_nanos=2 * SECOND, user_nanos=SECOND, system_nanos=SECOND // 2, peak_memory_bytes=3 << 20
)
OFFENCE = event_pb2.ErrorMessage(
    severity=common_pb2.SEVERITY_ERROR, text="boom: it broke", stream=ERR, line=2
)
CYCLES = event_pb2.MetricTotal(
    name="cycles", value=1200.5, kind=event_pb2.METRIC_KIND_MAX, unit="cycles", count=1
)


def spec() -> spec_pb2.Spec:
    """Returns a group of three jobs; the last one waits for the others."""

    def one(ident: str, *after: str) -> spec_pb2.Spec:
        return spec_pb2.Spec(
            job=spec_pb2.Job(
                ident=ident,
                command="echo",
                args=["a b"],
                order=spec_pb2.Order(on_pass=[spec_pb2.Reference(name=name) for name in after]),
                settings=spec_pb2.Settings(
                    env=[
                        spec_pb2.EnvVariable(name="API_TOKEN", value="hidden-value"),
                        spec_pb2.EnvVariable(name="MODE", value="fast"),
                    ]
                ),
            )
        )

    children = [one("good"), one("bad"), one("last", "good", "bad")]
    return spec_pb2.Spec(group=spec_pb2.JobGroup(ident="top", jobs=children))


class RunBuilder:
    """A run's folder in the making."""

    def __init__(
        self,
        tracking: Path,
        stamp: str = "20261122-125830",
        run: str = RUN_ID,
        command_line: str = "gator run nightly.yaml -j 2",
        config: Sequence[query_pb2.ConfigValue] = (),
        root: spec_pb2.Spec | None = None,
    ) -> None:
        self.folder = RunFolder.create(tracking, "top", stamp)
        self.run = run
        request = plan_pb2.PlanRequest(
            spec=root or spec(), seed=7, spec_dir="/specs", launch_dir="/", run=run
        )
        self.store = self._create(
            "root",
            catalogue=True,
            description=attach_pb2.RunDescription(
                run=query_pb2.Run(
                    ident="top",
                    argv=shlex.split(command_line),
                    user="someone",
                    version="0.1.0",
                    seed=7,
                    config=config,
                ),
                plan=request,
                pools=attach_pb2.RunPools(cores=1),
            ),
        )
        if run == RUN_ID:
            self.folder.write_key(KEY)
        self.folder.lock(LockHolder.this_process(run))

    def _create(
        self, daemon: str, *, catalogue: bool, description: attach_pb2.RunDescription | None = None
    ) -> Store:
        return Store.create(
            self.folder.store_of(daemon),
            store_id=f"store-{daemon}-{self.run[:4]}",
            run=self.run,
            daemon=daemon,
            host="here",
            catalogue=catalogue,
            post=lambda call: call(),
            description=description,
        )

    def write(self, *events: event_pb2.Event) -> None:
        """Append events to the root's store and wait until they are kept."""
        write(self.store, events)

    def write_elsewhere(self, *events: event_pb2.Event, daemon: str = "w1", absorb: bool = True) -> None:
        """Append events to the store of a daemon, and let the root hear of them."""
        store = self._create(daemon, catalogue=False)
        write(store, events)
        if absorb:
            known = [e for e in events if e.WhichOneof("payload") in ("started", "attempt_finished")]
            done = threading.Event()
            batch = attach_pb2.Batch(store=store.store_id, after=0, through=len(events), events=known)
            self.store.absorb(batch, done.set)
            assert done.wait(10)
        store.close()

    def end(self) -> Path:
        """The root ends in good order."""
        self.store.close()
        self.folder.unlock()
        return self.folder.path

    def die(self) -> Path:
        """The root is gone, and what it had not written is missing."""
        # No process of this system began with the boot of another one.
        self.folder.lock_file.write_text(
            json.dumps({**json.loads(self.folder.lock_file.read_text()), "boot": "an earlier one"})
        )
        return self.end()


def write(store: Store, events: Sequence[event_pb2.Event]) -> None:
    done = threading.Event()
    store.append(events, done.set)
    assert done.wait(10)


class Where(TypedDict, total=False):
    """The name and the id of a run."""

    stamp: str
    run: str


def simple_run(tracking: Path, **where: Unpack[Where]) -> RunBuilder:
    """A run of two jobs, one passed and one failed, that has not ended."""
    builder = RunBuilder(tracking, **where)
    builder.write(group("top", 0, 3, 3), job("top/good", 0.1), job("top/bad", 0.2))
    builder.write_elsewhere(
        started("top/good", 1),
        block("top/good", 1.5, b"hello\nwor", first=1),
        block("top/good", 1.6, b"ld\n\xff\x00bytes\n", first=2, continues=True),
        event(
            "top/good",
            1.7,
            1,
            log=event_pb2.LogEvent(severity=common_pb2.SEVERITY_WARNING, text="by the API", logger="tool"),
        ),
        event("top/good", 1.8, 1, sample=event_pb2.Sample(processes=1, cores=0.5, memory_bytes=1 << 20)),
        event("top/good", 1.9, 1, sample=event_pb2.Sample(processes=3, cores=1.5, memory_bytes=2 << 20)),
        finished("top/good", 2, out=3),
        started("top/bad", 1),
        block("top/bad", 1.2, b"one\ntwo\n"),
        block("top/bad", 1.3, b"hm\nboom: it broke\n\n", stream=ERR),
        block("top/bad", 1.4, b"three\n", first=3),
        finished("top/bad", 3, common_pb2.OUTCOME_FAILED, out=3, err=3, first_error=OFFENCE),
    )
    builder.write(
        result("top/good", 2.1, tally=event_pb2.Tally(passed=1), metrics=[CYCLES]),
        result(
            "top/bad",
            3.1,
            common_pb2.OUTCOME_FAILED,
            tally=event_pb2.Tally(failed=1),
            first_error=OFFENCE,
        ),
    )
    return builder


def ended_run(tracking: Path, **where: Unpack[Where]) -> Path:
    """The same run at its end: the last job was pruned."""
    builder = simple_run(tracking, **where)
    builder.write(
        job("top/last", 3.2),
        event(
            "top/last",
            3.2,
            result=event_pb2.Result(
                outcome=common_pb2.OUTCOME_PRUNED,
                reason=common_pb2.REASON_DEPENDENCY,
                message="it waits for bad to pass, which failed",
                jobs=event_pb2.Tally(pruned=1),
            ),
        ),
        result(
            "top",
            3.3,
            common_pb2.OUTCOME_FAILED,
            tally=event_pb2.Tally(passed=1, failed=1, pruned=1),
            first_error=OFFENCE,
            first_failure="top/bad",
            metrics=[CYCLES],
        ),
    )
    (builder.folder.logs / "top_bad-000000.log").write_text("")
    return builder.end()
