"""Measures queries of a hub with a large record; prints percentiles for each kind of query.

    python -m tests.benchmarks.hub.query_bench                  SQLite and PostgreSQL, 10 million events
    python -m tests.benchmarks.hub.query_bench sqlite 1000000   one of them, fewer events

The record has two runs of 100,000 jobs, one ended and one live, and sixty of 1,000. The PostgreSQL server is
temporary. Queries run one after the other in this process, without the network.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from gator.query.watch import RunWatch
from gator.v1 import attach_pb2, common_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs
from gator_hub.database.database import Database
from gator_hub.queries.runs import OpenRuns
from gator_hub.server.hub_servicer import HubServicer
from tests.benchmarks.hub import query_fill as filling
from tests.component.hub.postgres import PostgresServer

ROUNDS = 60
BAR_SECONDS = 0.05
FAILED = common_pb2.OUTCOME_FAILED
DICE = random.Random(7)


def some_job() -> str:
    return filling.path_of(DICE.randrange(filling.JOBS))


def some_group() -> str:
    return some_job().rpartition("/")[0]


def of_a_run(open_runs: OpenRuns) -> Mapping[str, Callable[[], Any]]:
    """Returns queries about an ended and a live run."""

    def ended() -> Any:
        return open_runs.queries(filling.run_id(1))

    def live() -> Any:
        return open_runs.queries(filling.run_id(2))

    subtree = qs.SCOPE_SUBTREE
    return {
        "run, ended": lambda: ended().get_run(qs.GetRunRequest()),
        "run, live": lambda: live().get_run(qs.GetRunRequest()),
        "watch of a run, nothing new": watcher(live),
        "node: a job": lambda: ended().get_node(qs.GetNodeRequest(path=some_job())),
        "node: a group, live": lambda: live().get_node(qs.GetNodeRequest(path=some_group())),
        "children of the root": lambda: ended().list_nodes(qs.ListNodesRequest()),
        "children of the root, live": lambda: live().list_nodes(qs.ListNodesRequest()),
        "children, 100": lambda: ended().list_nodes(qs.ListNodesRequest(path=some_group(), page_size=100)),
        "children, 1,000": lambda: ended().list_nodes(qs.ListNodesRequest(path=some_group())),
        "children by duration, 100": lambda: ended().list_nodes(
            qs.ListNodesRequest(path=some_group(), order=qs.NODE_ORDER_DURATION, page_size=100)
        ),
        "whole run, 100": lambda: ended().list_nodes(qs.ListNodesRequest(scope=subtree, page_size=100)),
        "whole run by path, 100": lambda: ended().list_nodes(
            qs.ListNodesRequest(scope=subtree, order=qs.NODE_ORDER_SPEC, page_size=100)
        ),
        "whole run by duration, 100": lambda: ended().list_nodes(
            qs.ListNodesRequest(scope=subtree, order=qs.NODE_ORDER_DURATION, page_size=100)
        ),
        "failed jobs, 100": lambda: ended().list_nodes(
            qs.ListNodesRequest(scope=subtree, outcomes=[FAILED], page_size=100)
        ),
        "failures of 100,000": lambda: ended().list_failures(qs.ListFailuresRequest()),
        "running jobs": lambda: live().list_nodes(
            qs.ListNodesRequest(
                scope=subtree, states=[query_pb2.NODE_STATE_RUNNING], kinds=[common_pb2.NODE_KIND_JOB]
            )
        ),
        "nodes by a glob": lambda: ended().list_nodes(
            qs.ListNodesRequest(scope=subtree, globs=[f"**/t[{DICE.randrange(1000)}]"])
        ),
        "events of a job": lambda: ended().list_events(qs.ListEventsRequest(path=some_job())),
        "errors of a job": lambda: ended().list_events(
            qs.ListEventsRequest(
                path=some_job(), kinds=[attach_pb2.EVENT_KIND_LOG], severity=common_pb2.SEVERITY_ERROR
            )
        ),
        "events of the run": lambda: ended().list_events(qs.ListEventsRequest(page_size=100)),
        "errors of the run": lambda: ended().list_events(
            qs.ListEventsRequest(severity=common_pb2.SEVERITY_ERROR, kinds=[attach_pb2.EVENT_KIND_LOG])
        ),
        "events of a group": lambda: ended().list_events(
            qs.ListEventsRequest(path=some_group(), page_size=100)
        ),
        "lines of a job": lambda: ended().list_lines(qs.ListLinesRequest(path=some_job())),
        "lines of the big job": lambda: ended().list_lines(
            qs.ListLinesRequest(path=filling.path_of(filling.BIG_JOB), tail=100)
        ),
        "search in the big job": lambda: ended().list_lines(
            qs.ListLinesRequest(path=filling.path_of(filling.BIG_JOB), regex="nowhere")
        ),
        "search in the run": lambda: ended().list_lines(qs.ListLinesRequest(regex="nowhere")),
        "metrics of a group": lambda: ended().list_metrics(
            qs.ListMetricsRequest(path=some_group(), page_size=100)
        ),
        "samples": lambda: ended().list_samples(qs.ListSamplesRequest(path=some_job())),
    }


def watcher(live: Callable[[], Any]) -> Callable[[], Any]:
    watches: list[RunWatch] = []

    def poll() -> object:
        if not watches:
            watches.append(RunWatch(live().reader, qs.WatchRunRequest(longest=5)))
        return watches[0].poll()

    return poll


def of_many_runs(service: HubServicer, runner: asyncio.Runner) -> Mapping[str, Callable[[], Any]]:
    """Returns queries of HubService."""

    def ask(method: Callable[..., Any], request: object) -> Callable[[], Any]:
        return lambda: runner.run(method(request, None))

    small = filling.run_id(filling.OTHERS)
    return {
        "runs, 50": ask(service.ListRuns, hs.ListRunsRequest(page_size=50)),
        "runs by label": ask(service.ListRuns, hs.ListRunsRequest(labels={"kind": "nightly"}, page_size=20)),
        "two runs of 1,000": ask(
            service.CompareRuns, hs.CompareRunsRequest(before=filling.run_id(filling.OTHERS - 1), after=small)
        ),
        "two runs of 100,000": ask(
            service.CompareRuns,
            hs.CompareRunsRequest(before=filling.run_id(1), after=filling.run_id(2), page_size=100),
        ),
        "history of a job": lambda: runner.run(
            service.ListHistory(
                hs.ListHistoryRequest(ident="top", path=f"g[0]/t[{DICE.randrange(1000)}]"), None
            )
        ),
        "history of the root": ask(service.ListHistory, hs.ListHistoryRequest(ident="top")),
    }


def measure(database: Database) -> None:
    """Runs all queries in turn and prints their durations."""
    nobody: Any = None
    with asyncio.Runner() as runner, ThreadPoolExecutor(1) as pool:
        service = HubServicer(database, nobody, nobody, pool)
        _measure({**of_a_run(OpenRuns(database)), **of_many_runs(service, runner)})


def _measure(kinds: Mapping[str, Callable[[], Any]]) -> None:
    times: dict[str, list[float]] = {name: [] for name in kinds}
    first: dict[str, float] = {}
    for round_ in range(ROUNDS + 1):
        for name, ask in kinds.items():
            before = time.perf_counter()
            ask()
            seconds = time.perf_counter() - before
            if round_:
                times[name].append(seconds)
            else:
                first[name] = seconds
    print(f"{'':30} {'median':>8} {'95 %':>8} {'longest':>8} {'first':>8}  ms")
    for name, took in times.items():
        took.sort()
        figures = [took[len(took) // 2], took[len(took) * 95 // 100], took[-1], first[name]]
        print(f"{name:30} " + " ".join(f"{1000 * figure:8.1f}" for figure in figures))
    everything = sorted(seconds for took in times.values() for seconds in took)
    share = sum(seconds < BAR_SECONDS for seconds in everything) / len(everything)
    print(f"{share:.1%} of {len(everything)} under {1000 * BAR_SECONDS:.0f} ms")


@contextmanager
def database_of(kind: str) -> Generator[Database]:
    with tempfile.TemporaryDirectory(prefix="gator-bench-") as folder:
        server = PostgresServer() if kind == "postgres" else None
        try:
            if server is not None:
                server.start()
            url = server.new_database() if server is not None else f"sqlite:{folder}/hub.db"
            database = Database.open(url)
            try:
                yield database
            finally:
                database.close()
        finally:
            if server is not None:
                server.close()


def main(kinds: list[str], events: int) -> None:
    for kind in kinds:
        with database_of(kind) as database:
            before = time.perf_counter()
            filling.fill(database, events)
            ((count,),) = database.query("SELECT count(*) FROM events")
            print(f"\n{kind}: {count:,} events, filled in {time.perf_counter() - before:.0f} s")
            measure(database)


if __name__ == "__main__":
    said = sys.argv[1:]
    numbers = [int(word) for word in said if word.isdecimal()]
    main(
        [word for word in said if not word.isdecimal()] or ["sqlite", "postgres"], *(numbers or [10_000_000])
    )
