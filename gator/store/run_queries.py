"""What queries ask of a run's folder, as constant SQL over the catalogue and the stores.

The rule: nothing is written, whatever is found.
"""

import json
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gator.core.pools import DemandKey, Pools
from gator.events import sort_key
from gator.spec.paths import PathPattern
from gator.store import run_rows
from gator.store.blocks import decode
from gator.store.reader import Reader
from gator.store.run_files import RunFiles
from gator.v1 import attach_pb2, common_pb2, event_pb2, plan_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

Place = list[int | str]

_JOB = int(common_pb2.NODE_KIND_JOB)
_ENDED = int(query_pb2.NODE_STATE_ENDED)
_RUNNING = int(query_pb2.NODE_STATE_RUNNING)
_NEVER = 1 << 62
_PIECE = 1000
_PLACED = (*run_rows.NODE_NAMES, "place")
_ROOT = f"SELECT {run_rows.NODE_COLUMNS} FROM nodes WHERE parent = '' LIMIT 1"  # noqa: S608 - constant
_NODE = f"SELECT {run_rows.NODE_COLUMNS} FROM nodes WHERE path = ?"  # noqa: S608 - constant

_ORDERS: Mapping[int, str] = {
    qs.NODE_ORDER_DECLARED: "declared_unix_nanos",
    qs.NODE_ORDER_PATH: "''",
    qs.NODE_ORDER_STARTED: f"coalesce(started_unix_nanos, {_NEVER})",
    qs.NODE_ORDER_DURATION: (
        "CASE WHEN started_unix_nanos IS NULL THEN 1"
        " ELSE started_unix_nanos - coalesce(ended_unix_nanos, :now) END"
    ),
}

_BEFORE: Mapping[int, int | str] = {qs.NODE_ORDER_PATH: "", qs.NODE_ORDER_DURATION: -_NEVER}
"""What stands before the first place in each order; else 0 does."""


class FolderReader:
    """A run's folder as queries see it. Its methods may be called from several threads."""

    def __init__(self, files: RunFiles, *, live: bool) -> None:
        self._files, self._live = files, live
        self._lock = threading.RLock()
        self._request: plan_pb2.PlanRequest | None = None

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, live: bool, root: Reader | None = None) -> "Generator[FolderReader]":
        """The reader of a folder; `live` says whether its root is alive.

        `root` is the reader of the root's store, where only its owner can make one.

        Raises StoreError when there is no store that can be read.
        """
        files = RunFiles(folder, root)
        try:
            if not live:
                files.complete()
            yield cls(files, live=live)
        finally:
            files.close()

    # -- the run

    def run(self) -> query_pb2.Run:
        """The run as a whole."""
        meta = self._files.meta
        run = query_pb2.Run(
            id=meta.get("run", ""),
            ident=meta.get("ident", ""),
            folder=str(self._files.folder),
            host=meta.get("host", ""),
            user=meta.get("user", ""),
            version=meta.get("version", ""),
            seed=int(meta.get("seed") or 0),
        )
        if meta.get("command_line"):
            import shlex

            run.argv.extend(shlex.split(meta["command_line"]))
        root = self._root()
        if root is not None:
            run.ident = root.path
            run.started_unix_nanos = self._declared_at(root.path)
            run.ended_unix_nanos = root.ended_unix_nanos
            run.tally.CopyFrom(root.tally)
            run.seed = run.seed or root.seed
        run.state = self._state(root)
        result = self.result(run.ident) if root is not None else None
        if result is not None:
            run.result.CopyFrom(result)
        return run

    def _state(self, root: query_pb2.Node | None) -> query_pb2.RunState.ValueType:
        if self._live:
            return query_pb2.RUN_STATE_RUNNING
        if self._files.missing or root is None:
            return query_pb2.RUN_STATE_DIED
        return query_pb2.RUN_STATE_ENDED

    def _root(self) -> query_pb2.Node | None:
        rows = self._named(_ROOT, (), run_rows.NODE_NAMES)
        return self._node(rows[0]) if rows else None

    def _declared_at(self, path: str) -> int:
        rows = self._all("SELECT declared_unix_nanos FROM nodes WHERE path = ?", (path,))
        return rows[0][0] or 0

    def plan_request(self) -> plan_pb2.PlanRequest | None:
        """What the plan was made from; None where it is not known."""
        text = self._files.meta.get("plan_request")
        if not text:
            return None
        if self._request is None:
            self._request = plan_pb2.PlanRequest.FromString(bytes.fromhex(text))
        return self._request

    # -- nodes

    def node(self, path: str) -> query_pb2.Node | None:
        """A node that was declared; None if there is no such."""
        rows = self._named(_NODE, (path,), run_rows.NODE_NAMES)
        return self._node(rows[0]) if rows else None

    def nodes(
        self, wanted: qs.ListNodesRequest, after: Place | None, limit: int
    ) -> Sequence[tuple[Place, query_pb2.Node]]:
        """The declared nodes that pass, in the order that is asked for, each with its place."""
        now = int(after[2]) if after else time.time_ns()
        order = _ORDERS[wanted.order or qs.NODE_ORDER_DECLARED].replace(":now", str(now))
        where, values = self._where(wanted)
        sql = (
            f"SELECT {run_rows.NODE_COLUMNS}, {order} AS place FROM nodes"  # noqa: S608 - constant parts
            f" WHERE {' AND '.join(where)} AND (({order}), sort) > (?, ?) ORDER BY place, sort LIMIT ?"
        )
        patterns = [PathPattern(glob) for glob in wanted.globs]
        at: list[int | str] = [after[0], after[1]] if after else [_BEFORE.get(wanted.order, 0), ""]
        found: list[tuple[Place, query_pb2.Node]] = []
        while True:
            rows = self._named(sql, [*values, *at, max(limit, _PIECE)], _PLACED)
            for row in rows:
                if patterns and not any(pattern.matches(row["path"]) for pattern in patterns):
                    continue
                found.append(([row["place"], row["sort"], now], self._node(row)))
                if len(found) == limit:
                    return found
            if len(rows) < max(limit, _PIECE):
                return found
            at = [rows[-1]["place"], rows[-1]["sort"]]

    def _where(self, wanted: qs.ListNodesRequest) -> tuple[list[str], list[object]]:
        where = ["declared_unix_nanos IS NOT NULL"]
        values: list[object] = []
        match wanted.scope:
            case qs.SCOPE_NODE:
                where.append("path = ?")
                values.append(wanted.path)
            case qs.SCOPE_SUBTREE:
                if "/" in wanted.path:
                    key = sort_key(wanted.path)
                    where.append("(path = ? OR (sort > ? AND sort < ?))")
                    values += [wanted.path, key + "\x01", key + "\x02"]
            case _:
                where.append("parent = ?")
                values.append(wanted.path)
        for column, numbers in (
            ("kind", wanted.kinds),
            ("state", wanted.states),
            ("outcome", wanted.outcomes),
        ):
            if numbers:
                where.append(f"{column} IN ({', '.join(str(int(number)) for number in numbers)})")
        return where, values

    def _node(self, row: Any) -> query_pb2.Node:
        node = run_rows.node_of(row)
        if node.kind == common_pb2.NODE_KIND_JOB:
            node.tally.CopyFrom(run_rows.tally_of_job(node))
        elif not node.HasField("tally"):
            node.tally.CopyFrom(self._tally(node.path, row["jobs"] or 0))
        if node.attempts and node.kind == common_pb2.NODE_KIND_JOB:
            hosts = self._all(
                "SELECT host FROM attempts WHERE path = ? ORDER BY number DESC LIMIT 1", (node.path,)
            )
            node.host = (hosts[0][0] or "") if hosts else ""
        return node

    def _tally(self, path: str, jobs: int) -> event_pb2.Tally:
        """Jobs below a group that goes on; those that were not declared wait."""
        below, values = "kind = ?", [_JOB]
        if "/" in path:
            key = sort_key(path)
            below, values = "kind = ? AND sort > ? AND sort < ?", [_JOB, key + "\x01", key + "\x02"]
        rows = self._all(
            f"SELECT coalesce(outcome, 0), count(*) FROM nodes WHERE {below} GROUP BY 1",  # noqa: S608
            values,
        )
        counts: dict[int, int] = dict(rows)
        return event_pb2.Tally(
            waiting=max(jobs - sum(counts.values()), 0),
            running=counts.get(0, 0),
            passed=counts.get(common_pb2.OUTCOME_PASSED, 0),
            failed=counts.get(common_pb2.OUTCOME_FAILED, 0),
            pruned=counts.get(common_pb2.OUTCOME_PRUNED, 0),
            cancelled=counts.get(common_pb2.OUTCOME_CANCELLED, 0),
            lost=counts.get(common_pb2.OUTCOME_LOST, 0),
        )

    def job_counts(self) -> Mapping[str, tuple[int, int]]:
        """Number of jobs that were declared and that have ended, by template path."""
        rows = self._all(
            "SELECT template, count(*), sum(state = ?) FROM nodes WHERE kind = ? GROUP BY template",
            (_ENDED, _JOB),
        )
        return {template: (declared, ended) for template, declared, ended in rows}

    def pools(self) -> Pools | None:
        """What the run may use at once; None where it is not known."""
        text = self._files.meta.get("pools")
        return Pools(**json.loads(text)) if text else None

    def demands(self) -> Sequence[tuple[str, DemandKey]]:
        """The jobs that run, with what they hold."""
        rows = self._all(
            "SELECT path, cores, memory_bytes, licenses FROM nodes WHERE kind = ? AND state = ?",
            (_JOB, _RUNNING),
        )
        return [
            (path, DemandKey(cores, memory, tuple(sorted(json.loads(licenses or "{}").items()))))
            for path, cores, memory, licenses in rows
        ]

    def attempts(self, path: str) -> Sequence[query_pb2.Attempt]:
        """The attempts at a job in their order; none for a group."""
        rows = self._named(
            f"SELECT {run_rows.ATTEMPT_COLUMNS} FROM attempts WHERE path = ? ORDER BY number",  # noqa: S608
            (path,),
            run_rows.ATTEMPT_NAMES,
        )
        attempts = [run_rows.attempt_of(row) for row in rows]
        for attempt in attempts:
            self._add_started(path, attempt)
        return attempts

    def _add_started(self, path: str, attempt: query_pb2.Attempt) -> None:
        """The command line is kept once, in the event."""
        kinds = [attach_pb2.EVENT_KIND_STARTED, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED]
        found, _ = self.events(attempt.store, 0, 10, path=path, attempt=attempt.number, kinds=kinds)
        for event in found:
            if event.WhichOneof("payload") == "started":
                attempt.started.CopyFrom(event.started)
            elif attempt.HasField("finished"):
                attempt.finished.CopyFrom(event.attempt_finished)

    def result(self, path: str) -> event_pb2.Result | None:
        """The Result of a node; None while it goes on."""
        node = self.node(path)
        if node is None or node.state != query_pb2.NODE_STATE_ENDED:
            return None
        rows = self._all(
            "SELECT name, value, kind, unit, count FROM metrics WHERE path = ? ORDER BY name", (path,)
        )
        return run_rows.result_of(
            node,
            [
                event_pb2.MetricTotal(name=name, value=value, kind=kind, unit=unit, count=count)
                for name, value, kind, unit, count in rows
            ],
        )

    # -- events

    def positions(self) -> Mapping[str, int]:
        """The last sequence number of each store, the root's store first."""
        with self._lock:
            return {store: reader.tip() for store, reader in self._files.readers().items()}

    def events(
        self,
        store: str,
        after: int,
        limit: int,
        *,
        path: str = "",
        prefix: str = "",
        attempt: int = 0,
        kinds: Sequence[attach_pb2.EventKind.ValueType] = (),
        severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_UNSPECIFIED,
    ) -> tuple[Sequence[event_pb2.Event], int]:
        """At most `limit` events of a store beyond `after` that pass, and the place that was read up to."""
        where = ["seq > ?"]
        values: list[object] = [after]
        if path or attempt:
            subjects = self._subjects(store, path, attempt)
            if not subjects:
                return [], after
            where.append(f"subject IN ({', '.join(map(str, subjects))})")
        if kinds:
            where.append(f"kind IN ({', '.join(str(int(kind)) for kind in kinds)})")
        if severity:
            where.append(f"(kind != {int(attach_pb2.EVENT_KIND_LOG)} OR severity >= {int(severity)})")
        if prefix and "/" in prefix:
            where.append("subject IN (SELECT id FROM subjects WHERE path = ? OR (path > ? AND path < ?))")
            values += [prefix, prefix + "/", prefix + "0"]
        with self._lock:
            return self._files.read(store, " AND ".join(where), values, limit, after)

    def _subjects(self, store: str, path: str, attempt: int) -> list[int]:
        where: list[str] = []
        values: list[str | int] = []
        if path:
            where.append("path = ?")
            values.append(path)
        if attempt:
            where.append("attempt = ?")
            values.append(attempt)
        with self._lock:
            reader = self._files.reader(store)
        if reader is None:
            return []
        rows = reader.query(f"SELECT id FROM subjects WHERE {' AND '.join(where)}", values)  # noqa: S608
        return [row[0] for row in rows]

    def bytes_of(self, block: event_pb2.Block) -> bytes:
        """The bytes of a block as they were read."""
        return decode(block)

    def _all(self, sql: str, values: Sequence[object]) -> list[Any]:
        return self._files.root.query(sql, values)

    def _named(self, sql: str, values: Sequence[object], names: Sequence[str]) -> list[dict[str, Any]]:
        return [dict(zip(names, row, strict=True)) for row in self._all(sql, values)]
