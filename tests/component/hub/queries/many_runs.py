"""A hub with many runs, and its service as one user calls it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from gator.core.causes.signature import VERSION
from gator.v1 import common_pb2, event_pb2, query_pb2
from gator_hub.server.hub_servicer import HubServicer
from tests.component.hub.queries.filled import FilledHub, described
from tests.component.query import runs

PASSED, FAILED, LOST = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OPEN = common_pb2.OUTCOME_UNSPECIFIED
Outcome = common_pb2.Outcome.ValueType


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    hub = FilledHub(database_url)
    yield hub
    hub.close()


class Caller:
    """Has the name of the caller."""

    def __init__(self) -> None:
        self.name = "ada"

    def caller(self, context: Any) -> str:
        del context
        return self.name


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
async def service(hub: FilledHub, caller: Caller) -> AsyncIterator[HubServicer]:
    access: Any = caller
    yield HubServicer(hub.database, hub.writer, access)
    # Each thread that asked has a connection of its own, which the hub closes at its end.
    await asyncio.get_running_loop().shutdown_default_executor()


def run_id(number: int) -> str:
    return f"{number:032x}"


def signed(name: str) -> str:
    """A signature of this version."""
    return f"{VERSION}-{name}"


def add(
    hub: FilledHub,
    number: int,
    jobs: dict[str, tuple[Outcome, str]],
    ident: str = "top",
    *,
    ended: bool = True,
    connected: bool = False,
    **said: Any,
) -> int:
    """A run with these jobs by their names, each with its outcome and signature."""
    about = described(
        run_id(number),
        ident,
        started=number * runs.SECOND,
        git=query_pb2.Git(commit=COMMIT[::-1] if number % 2 else COMMIT, branch="main"),
        **said,
    )
    row = hub.register(about, f"store-{number}")
    events = [runs.group(ident, 0, len(jobs), len(jobs))]
    tally = event_pb2.Tally()
    for at, (name, (outcome, signature)) in enumerate(jobs.items(), 1):
        path = f"{ident}/{name}"
        result = runs.result(path, at, outcome, metrics=[runs.CYCLES])
        if signature:
            result.result.signature = signed(signature)
            result.result.first_error.text = f"error {signature}"
        if outcome:
            events += [runs.job(path, at), result]
        else:
            events += [runs.job(path, at)]
        tally.passed += outcome == PASSED
        tally.failed += outcome == FAILED
    if ended:
        whole = FAILED if tally.failed else PASSED
        events.append(runs.result(ident, len(jobs) + 1, whole, tally=tally))
    hub.append(row, ident, f"store-{number}", *events)
    if not connected:
        hub.detach(row)
    return row


GOOD = (PASSED, "")
