"""Fills the database of a hub with a large record, with statements in SQL where that is faster.

Invariant: the rows are the same as the writer would have stored for such runs.
"""

import json
from collections.abc import Iterator
from itertools import islice

from gator.store.blocks import pack
from gator.store.catalogue.changes import Changes
from gator.v1 import attach_pb2, common_pb2, event_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.database.dialect import Dialect
from gator_hub.database.statements import INSERT_SUBJECTS, CatalogueUpserts, EventRow
from gator_hub.database.statements import insert_events as insert
from gator_hub.database.tables import SEQ_BITS

JOBS = 100_000
GROUP = 1_000
"""Number of jobs per group."""
STORES = 10
OTHERS = 60
"""Number of smaller runs of the same ident."""
OTHER_JOBS = 1_000
START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
LINES = 20
"""Number of output lines per job; one job has a thousand times as many blocks."""
BIG_JOB = 0
BIG_BLOCKS = 1_000
_ROOT_STORE = 20

_DECLARED, _RESULT = int(attach_pb2.EVENT_KIND_DECLARED), int(attach_pb2.EVENT_KIND_RESULT)
_STARTED, _FINISHED = int(attach_pb2.EVENT_KIND_STARTED), int(attach_pb2.EVENT_KIND_ATTEMPT_FINISHED)
_LOG, _BLOCK = int(attach_pb2.EVENT_KIND_LOG), int(attach_pb2.EVENT_KIND_BLOCK)


def path_of(job: int) -> str:
    """Returns the path of a job."""
    return f"top/g[{job // GROUP}]/t[{job % GROUP}]"


def run_id(number: int) -> str:
    """Returns the id of a run."""
    return f"{number:032x}"


def outcome_of(job: int, run: int) -> common_pb2.Outcome.ValueType:
    """Returns whether a job fails: one in fifty, different ones in each run."""
    return common_pb2.OUTCOME_FAILED if (job + run) % 50 == 0 else common_pb2.OUTCOME_PASSED


def fill(database: Database, events: int) -> None:
    """Stores an ended run with `events` events and a live run, both of 100,000 jobs, and smaller runs."""
    add_run(database, 1, JOBS, ended=True)
    add_run(database, 2, JOBS, ended=False)
    for run in range(3, 3 + OTHERS):
        add_run(database, run, OTHER_JOBS, ended=True)
    add_events(database, events // JOBS)
    if database.dialect is Dialect.POSTGRES:
        # PostgreSQL does so by itself within minutes, but not during these transactions.
        # A hub has no statistics in SQLite.
        database.execute("VACUUM ANALYZE")


def add_run(database: Database, run: int, jobs: int, *, ended: bool) -> None:
    """Stores a run with its nodes, attempts, metrics and subjects."""
    with database.transaction():
        database.execute(
            "INSERT INTO runs (id, run, root_store, owner, ident, user_name, host, folder, version, spec,"
            " seed, commit_hash, branch, dirty, labels, started_unix_nanos, ended_unix_nanos, outcome,"
            " last_seen_unix_nanos, connected, pinned, deleted)"
            " VALUES (?, ?, ?, 'ada', 'top', 'ada', 'host', '/runs', '1', 'top.yaml', 7, ?, 'main', 0, ?,"
            " ?, ?, ?, ?, ?, 0, 0)",
            (
                run,
                run_id(run),
                f"root-{run}",
                f"{run:040x}",
                json.dumps({"kind": "nightly"}),
                START + run * SECOND,
                START + (run + 1) * SECOND if ended else None,
                int(common_pb2.OUTCOME_FAILED) if ended else None,
                START,
                int(not ended),
            ),
        )
        description = attach_pb2.RunDescription(
            run=query_pb2.Run(id=run_id(run), ident="top", argv=["gator"])
        )
        database.execute(
            "INSERT INTO descriptions (run, description) VALUES (?, ?)",
            (run, description.SerializeToString()),
        )
        database.execute("INSERT INTO run_labels (run, name, value) VALUES (?, 'kind', 'nightly')", (run,))
    catalogue = CatalogueUpserts(database.dialect)
    feed = stream(run, jobs, ended=ended)
    while piece := list(islice(feed, 20_000)):
        changes = Changes()
        changes.take(f"daemon-{run}", piece)
        with database.transaction():
            catalogue.nodes.merge(database, run, list(changes.nodes.values()))
            catalogue.attempts.merge(database, run, list(changes.attempts.values()))
            catalogue.metrics.merge(database, run, list(changes.metrics.values()))


def stream(run: int, jobs: int, *, ended: bool) -> Iterator[event_pb2.Event]:
    """Yields the states that a root would have sent."""

    def of(path: str, at: int, attempt: int = 0) -> event_pb2.Event:
        return event_pb2.Event(path=path, attempt=attempt, seq=at + 1, time_unix_nanos=START + at * 1_000_000)

    def group(path: str, at: int, jobs: int) -> event_pb2.Event:
        event = of(path, at)
        event.declared.kind, event.declared.jobs = common_pb2.NODE_KIND_GROUP, jobs
        return event

    def result(
        path: str, at: int, outcome: common_pb2.Outcome.ValueType, jobs: event_pb2.Tally
    ) -> event_pb2.Event:
        event = of(path, at)
        found = event.result
        found.outcome, found.attempts = outcome, 1
        found.jobs.CopyFrom(jobs)
        found.usage.wall_nanos = SECOND
        if outcome == common_pb2.OUTCOME_FAILED:
            found.reason, found.message = common_pb2.REASON_EXIT, "it returned 1"
            found.signature = f"{at % 40:016x}"
            found.first_error.text = "error: it broke"
        if at % 10 == 0:
            found.metrics.add(name="cycles", value=at, kind=event_pb2.METRIC_KIND_SUM, unit="cycles", count=1)
        return event

    yield group("top", 0, jobs)
    for first in range(0, jobs, GROUP):
        parent = path_of(first).rpartition("/")[0]
        yield group(parent, first, GROUP)
        for job in range(first, min(first + GROUP, jobs)):
            path = path_of(job)
            event = of(path, job)
            event.declared.kind, event.declared.jobs = common_pb2.NODE_KIND_JOB, 1
            event.declared.seed = 7
            yield event
            if not ended and job > jobs * 0.6:
                if job % GROUP == 1:
                    begun = of(path, job, 1)
                    begun.started.host = "host"
                    yield begun
                continue
            begun, done = of(path, job, 1), of(path, job + 1, 1)
            begun.started.host = "host"
            outcome = outcome_of(job, run)
            done.attempt_finished.outcome = outcome
            done.attempt_finished.stdout_lines = LINES
            yield from (begun, done, result(path, job + 1, outcome, event_pb2.Tally(passed=1)))
        if ended:
            yield result(parent, first, common_pb2.OUTCOME_FAILED, event_pb2.Tally(passed=GROUP))
    if ended:
        tally = event_pb2.Tally(passed=jobs - jobs // 50, failed=jobs // 50)
        yield result("top", jobs, common_pb2.OUTCOME_FAILED, tally)


def add_events(database: Database, each: int) -> None:
    """Stores the events of the jobs of the first run, from started to finished, and those of its root."""
    subjects = [
        (2 * job + attempt + 1, 1, path_of(job), attempt) for job in range(JOBS) for attempt in (0, 1)
    ]
    with database.transaction():
        for at in range(0, len(subjects), 20_000):
            INSERT_SUBJECTS.run(database, subjects[at : at + 20_000])
        # The attempts of the jobs say in which store their events are.
        database.execute(
            "UPDATE attempts SET store = 'daemon-1-' || (substr(path, length(path) - 1, 1)) WHERE run = 1"
        )
        for store in range(STORES):
            row = (store + 1, f"daemon-1-{store}", 1 << 35, 1 << 35)
            database.execute(
                "INSERT INTO stores (id, run, store, states_seq, bulk_seq) VALUES (?, 1, ?, ?, ?)", row
            )
        row = (_ROOT_STORE, "root-1", 2 * JOBS, 2 * JOBS)
        database.execute(
            "INSERT INTO stores (id, run, store, states_seq, bulk_seq) VALUES (?, 1, ?, ?, ?)", row
        )
        database.execute(
            "INSERT INTO stores (id, run, store, states_seq, bulk_seq) VALUES (40, 2, 'root-2', 9, 9)"
        )
    index = "events_by_subject ON events (subject, kind, place)"
    with database.transaction():
        database.execute("DROP INDEX events_by_subject")
        for number in range(each):
            kind = {0: _STARTED, each - 1: _FINISHED, each - 2: _BLOCK}.get(number, _LOG)
            _one_each(database, number, each, kind)
        for number, kind in enumerate((_DECLARED, _RESULT)):
            sql = (
                f"INSERT INTO events SELECT ({_ROOT_STORE}::bigint << {SEQ_BITS}) + 2 * i + {number + 1},"
                f" 2 * i + 1, {kind}, 0, {START} + i * 1000000, ? FROM ({_series(JOBS)}) AS s"
            )
            database.execute(_for(database, sql), (_body(kind),))
        _add_big_job(database)
        database.execute(f"CREATE INDEX {index}")


def _one_each(database: Database, number: int, each: int, kind: int) -> None:
    """Stores one event for every job, in the stores of the daemons."""
    severity = {_LOG: 4 if number == 50 else 2, _BLOCK: 2}.get(kind, 0)
    sql = (
        f"INSERT INTO events SELECT ((i % {STORES} + 1)::bigint << {SEQ_BITS})"
        f" + (i / {STORES}) * {each} + {number + 1}, 2 * i + 2, {kind}, {severity}, {START} + i * 1000000, ?"
        f" FROM ({_series(JOBS)}) AS s"
    )
    database.execute(_for(database, sql), (_body(kind),))


def _add_big_job(database: Database) -> None:
    """Stores a job with much output, after the events of all others in its store."""
    data = b"".join(
        b"line %d of a simulation that says a lot about what it does next\n" % n for n in range(7000)
    )
    rows: list[EventRow] = []
    for number in range(BIG_BLOCKS):
        block = event_pb2.Block(
            stream=common_pb2.STREAM_STDOUT,
            severity=common_pb2.SEVERITY_INFO,
            first_line=LINES + 1 + 7000 * number,
            lines=7000,
            size_bytes=len(data),
            encoding=event_pb2.Block.ENCODING_RAW,
            data=data,
        )
        seq = (1 << 34) + number
        rows.append(
            (
                ((BIG_JOB % STORES + 1) << SEQ_BITS) + seq,
                2 * BIG_JOB + 2,
                _BLOCK,
                2,
                START,
                bytearray(pack(block)),
            )
        )
    insert(database, rows)


def _series(count: int) -> str:
    more = f"SELECT i + 1 FROM r WHERE i < {count - 1}"
    return f"WITH RECURSIVE r (i) AS (SELECT 0::bigint UNION ALL {more}) SELECT i FROM r"


def _for(database: Database, sql: str) -> str:
    return sql.replace("::bigint", "") if database.dialect.value == "sqlite" else sql


def _body(kind: int) -> bytes:
    if kind == _LOG:
        text = "a message of a job that is about as long as such messages are"
        return event_pb2.LogEvent(severity=common_pb2.SEVERITY_INFO, text=text).SerializeToString()
    if kind == _BLOCK:
        data = b"".join(b"line %d of the output of a job, not the longest one\n" % n for n in range(LINES))
        return event_pb2.Block(
            stream=common_pb2.STREAM_STDOUT,
            severity=common_pb2.SEVERITY_INFO,
            first_line=1,
            lines=LINES,
            size_bytes=len(data),
            encoding=event_pb2.Block.ENCODING_RAW,
            data=data,
        ).SerializeToString()
    if kind == _STARTED:
        return event_pb2.Started(host="host", pid=1, argv=["true"], cores=1).SerializeToString()
    if kind == _FINISHED:
        finished = event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_PASSED, stdout_lines=LINES)
        return finished.SerializeToString()
    if kind == _RESULT:
        return event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED, attempts=1).SerializeToString()
    return event_pb2.Declared(kind=common_pb2.NODE_KIND_JOB, jobs=1).SerializeToString()
