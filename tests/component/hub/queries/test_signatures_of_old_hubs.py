import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gator.core.causes.signature import VERSION, is_current
from gator.query import Queries
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs
from gator_hub.ingest.writer import Writer
from gator_hub.queries.history import History
from gator_hub.queries.reader import HubReader
from gator_hub.queries.runs import find_run
from gator_hub.signatures.updater import SignatureUpdater
from tests.component.hub.queries.filled import FilledHub
from tests.component.hub.queries.old_hub import GOLDEN, fill

TRACEBACK = "s0-cb6e51cc7950e28d"
"""The signature that s0 gave to every Python exception."""


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    fill(database_url)
    hub = FilledHub(database_url)
    yield hub
    hub.close()


def sign(hub: FilledHub) -> None:
    async def scan() -> None:
        writer = Writer(hub.database, asyncio.get_running_loop().call_soon_threadsafe)
        try:
            await SignatureUpdater(hub.database, writer).scan()
        finally:
            await asyncio.to_thread(writer.close)

    asyncio.run(scan())


@pytest.fixture(scope="module")
def run_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the same spec with this Gator, in another folder and with another seed."""
    folder = tmp_path_factory.mktemp("again")
    environ = {**os.environ, "STAGE": "3"}
    command = [sys.executable, "-m", "gator", "run", str(GOLDEN / "failing.yaml"), "--tracking", str(folder)]
    done = subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1, done.stderr
    return folder


def groups(hub: FilledHub, run: int) -> Mapping[str, query_pb2.FailureGroup]:
    """The causes of a run, by the ident of their first job."""
    answer = Queries(HubReader(hub.database, run)).list_failures(qs.ListFailuresRequest())
    return {group.example.path.rpartition("/")[2]: group for group in answer.groups}


def runs_by_age(hub: FilledHub) -> list[str]:
    return [run for (run,) in hub.database.query("SELECT run FROM runs ORDER BY started_unix_nanos")]


def test_no_failure_becomes_new_by_an_upgrade(hub: FilledHub, run_again: Path) -> None:
    first, second, _ = runs_by_age(hub)
    sign(hub)
    causes = groups(hub, hub.import_folder(run_again, started=10**19 // 2))
    assert len(causes) == 10
    seen = {job: (group.first.run, group.runs) for job, group in causes.items()}
    assert seen == {job: (second, 3) if job == "parse" else (first, 4) for job in causes}


def test_causes_that_s0_merged_are_split(hub: FilledHub) -> None:
    before = groups(hub, 3)
    sign(hub)
    after = groups(hub, 3)
    assert len(before) == 5
    assert len(after) == 10
    assert all(is_current(group.signature) for group in after.values())
    assert "KeyError: 'clock'" in after["lookup"].example.first_error.text
    assert after["lookup"].example.former_signature == TRACEBACK


def test_nothing_is_called_new_before_the_past_is_signed(hub: FilledHub, run_again: Path) -> None:
    causes = groups(hub, hub.import_folder(run_again))
    assert not any(group.HasField("first") for group in causes.values())


def test_old_names_go_on_working(hub: FilledHub, run_again: Path) -> None:
    sign(hub)
    new = hub.import_folder(run_again)
    for run in (3, new):
        queries = Queries(HubReader(hub.database, run))
        for name in (TRACEBACK, TRACEBACK[:8]):
            found = queries.list_failures(qs.ListFailuresRequest(cause=name)).groups
            jobs = sorted(group.example.path for group in found)
            assert jobs == [f"nightly/{job}" for job in ("check", "connect", "lookup", "parse")]


def test_histories_have_signatures_of_this_version(hub: FilledHub) -> None:
    sign(hub)
    entries, _ = History(hub.database, "nightly", "lookup").entries(None, 10)
    assert len({entry.signature for entry in entries}) == 1
    assert is_current(entries[0].signature)


def test_an_attempt_is_shown_with_the_same_first_error(hub: FilledHub) -> None:
    sign(hub)
    queries = Queries(HubReader(hub.database, find_run(hub.database, "nightly")))
    answer = queries.get_node(qs.GetNodeRequest(path="nightly/lookup"))
    finished = answer.attempts[-1].finished
    assert finished.signature == answer.node.signature == answer.result.signature
    assert finished.first_error == answer.node.first_error == answer.result.first_error


def test_failures_of_other_versions_that_arrive_are_signed(hub: FilledHub) -> None:
    sign(hub)
    hub.do(lambda database: database.execute("UPDATE nodes SET own_signature = NULL WHERE run = 2") and None)
    sign(hub)
    assert hub.database.query(
        "SELECT count(*) FROM nodes WHERE own_signature IS NULL AND signature <> ''"
    ) == [(0,)]


def test_an_interrupted_signing_continues(hub: FilledHub) -> None:
    sign(hub)
    hub.do(lambda database: database.execute("DELETE FROM signing") and None)
    hub.do(lambda database: database.execute("UPDATE nodes SET own_signature = NULL WHERE run = 1") and None)
    sign(hub)
    assert hub.database.query("SELECT version FROM signing") == [(VERSION,)]
    assert all(group.first.run == runs_by_age(hub)[0] for group in groups(hub, 1).values())
