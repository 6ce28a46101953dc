"""Causes that people have named on a hub."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from gator.errors import NotFoundError, PermissionDeniedError, UsageError
from gator.query import Queries
from gator.v1 import common_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs
from gator.v1.spec_pb2 import CauseRule
from gator_hub.queries.reader import HubReader
from gator_hub.queries.runs import find_run
from gator_hub.server.hub_servicer import HubServicer
from tests.component.hub.queries.filled import FilledHub, described
from tests.component.hub.queries.old_hub import fill
from tests.component.hub.queries.test_signatures_of_old_hubs import TRACEBACK, sign
from tests.component.query import runs

FAILED = common_pb2.OUTCOME_FAILED


class Caller:
    """The user who calls."""

    name = "ada"
    admins = ("root",)

    def caller(self, context: Any) -> str:
        del context
        return self.name

    def is_admin(self, name: str) -> bool:
        return name in self.admins


@pytest.fixture
def hub(database_url: str) -> Iterator[FilledHub]:
    hub = FilledHub(database_url)
    yield hub
    hub.close()


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
async def service(hub: FilledHub, caller: Caller) -> AsyncIterator[HubServicer]:
    access: Any = caller
    yield HubServicer(hub.database, hub.writer, access)
    await asyncio.get_running_loop().shutdown_default_executor()


def add_run(hub: FilledHub, number: int, errors: dict[str, str], rules: tuple[CauseRule, ...] = ()) -> None:
    """A run whose jobs failed, each with this first error; the signature has the text's length."""
    about = described(f"{number:032x}", started=number * runs.SECOND)
    about.causes.extend(rules)
    row = hub.register(about, f"store-{number}")
    events = [runs.group("top", 0, len(errors), len(errors))]
    for at, (job, text) in enumerate(errors.items(), 1):
        result = runs.result(f"top/{job}", at, FAILED)
        result.result.first_error.text = text
        result.result.signature = f"s1-{len(text):016x}"
        events += [runs.job(f"top/{job}", at), result]
    events.append(runs.result("top", 99, FAILED))
    hub.append(row, "top", f"store-{number}", *events)
    hub.detach(row)


def causes(hub: FilledHub, name: str = "top") -> dict[str, query_pb2.FailureGroup]:
    queries = Queries(HubReader(hub.database, find_run(hub.database, name)))
    groups = queries.list_failures(qs.ListFailuresRequest()).groups
    return {group.cause or group.signature: group for group in groups}


GRANT = CauseRule(name="grant", match="no (grant|credit)", ticket="HW-12")


async def test_a_rule_of_a_hub_names_the_causes_of_all_runs(hub: FilledHub, service: HubServicer) -> None:
    add_run(hub, 1, {"a": "no grant", "c": "crc"})
    add_run(hub, 2, {"a": "no grant", "b": "no credit at all", "c": "crc"})
    before = causes(hub)
    assert len(before) == 3
    await service.AddCause(hs.AddCauseRequest(rule=GRANT), None)
    after = causes(hub)
    assert sorted(after) == ["grant", f"s1-{3:016x}"]
    assert (after["grant"].jobs, after["grant"].runs) == (2, 2)
    assert after["grant"].state == query_pb2.CAUSE_STATE_KNOWN
    assert list(after["grant"].tickets) == ["HW-12"]


async def test_a_rule_splits_one_signature_by_paths(hub: FilledHub, service: HubServicer) -> None:
    add_run(hub, 1, {"usb": "no grant"})
    add_run(hub, 2, {"pcie": "no grant", "usb": "no grant"})
    await service.AddCause(hs.AddCauseRequest(rule=CauseRule(name="pcie", paths="pcie")), None)
    found = causes(hub)
    assert found["pcie"].state == query_pb2.CAUSE_STATE_NEW
    assert found[f"s1-{8:016x}"].state == query_pb2.CAUSE_STATE_KNOWN


async def test_rules_of_a_hub_come_before_those_of_a_run(hub: FilledHub, service: HubServicer) -> None:
    add_run(hub, 1, {"a": "no grant"})
    add_run(hub, 2, {"a": "no grant"}, (CauseRule(name="of the spec", match="grant"),))
    assert causes(hub)["of the spec"].state == query_pb2.CAUSE_STATE_KNOWN
    await service.AddCause(hs.AddCauseRequest(rule=GRANT), None)
    assert sorted(causes(hub)) == ["grant"]


async def test_a_note_about_an_unknown_cause_is_an_error_that_names_the_nearest(
    hub: FilledHub, service: HubServicer
) -> None:
    add_run(hub, 1, {"a": "no grant"}, (CauseRule(name="of the spec", match="stall", ticket="HW-7"),))
    await service.AddCause(hs.AddCauseRequest(rule=GRANT), None)
    for wrong, hint in (
        ("grnat", "did you mean 'grant'?"),
        ("of the spce", "did you mean 'of the spec'?"),
        (f"s1-{0:016x}", "gator failures --causes"),
    ):
        with pytest.raises(NotFoundError, match=re.escape(hint)):
            await service.NoteCause(hs.NoteCauseRequest(cause=wrong, text="x"), None)
    for known in ("HW-12", "HW-7", f"s1-{8:016x}"):
        await service.NoteCause(hs.NoteCauseRequest(cause=known, text=known), None)
    listed = await service.ListCauses(hs.ListCausesRequest(), None)
    assert [stored.cause for stored in listed.notes] == ["grant", "of the spec", f"s1-{8:016x}"]


async def test_notes_are_shown_with_their_authors(
    hub: FilledHub, service: HubServicer, caller: Caller
) -> None:
    add_run(hub, 1, {"a": "no grant"})
    await service.AddCause(hs.AddCauseRequest(rule=GRANT), None)
    caller.name = "bob"
    await service.NoteCause(hs.NoteCauseRequest(cause="grant", text="only on board 7"), None)
    await service.NoteCause(hs.NoteCauseRequest(cause="grant", ticket="HW-13"), None)
    group = causes(hub)["grant"]
    assert [(note.author, note.text) for note in group.notes] == [("bob", "only on board 7")]
    assert list(group.tickets) == ["HW-12", "HW-13"]
    listed = await service.ListCauses(hs.ListCausesRequest(), None)
    assert [(stored.rule.name, stored.author) for stored in listed.rules] == [("grant", "ada")]
    assert all(stored.time_unix_nanos for stored in listed.rules)
    assert [stored.note.ticket for stored in listed.notes] == ["", "HW-13"]


async def test_only_the_author_or_an_administrator_removes_a_rule(
    hub: FilledHub, service: HubServicer, caller: Caller
) -> None:
    await service.AddCause(hs.AddCauseRequest(rule=GRANT), None)
    caller.name = "bob"
    with pytest.raises(PermissionDeniedError, match="belong to ada"):
        await service.RemoveCause(hs.RemoveCauseRequest(name="grant"), None)
    with pytest.raises(NotFoundError):
        await service.RemoveCause(hs.RemoveCauseRequest(name="other"), None)
    await service.AddCause(hs.AddCauseRequest(rule=GRANT), None)
    assert (await service.RemoveCause(hs.RemoveCauseRequest(name="grant"), None)).rules == 1
    caller.name = "root"
    assert (await service.RemoveCause(hs.RemoveCauseRequest(name="grant"), None)).rules == 1
    assert not (await service.ListCauses(hs.ListCausesRequest(), None)).rules


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (CauseRule(match="x"), "one line of visible characters"),
        (CauseRule(name="s1-ab", match="x"), "cannot look like a signature"),
        (CauseRule(name="a"), "needs a pattern"),
        (CauseRule(name="a", match="(?=x)"), "look-ahead"),
        (CauseRule(name="a", match="("), "invalid RE2 pattern"),
    ],
)
async def test_a_rule_that_cannot_be_applied_is_refused(
    service: HubServicer, rule: CauseRule, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        await service.AddCause(hs.AddCauseRequest(rule=rule), None)


async def test_rules_and_notes_follow_to_what_a_signature_has_become(
    database_url: str, caller: Caller
) -> None:
    fill(database_url)
    hub = FilledHub(database_url)
    try:
        access: Any = caller
        service = HubServicer(hub.database, hub.writer, access)
        rule = CauseRule(name="broken scripts", signatures=[TRACEBACK], paths="**/l*")
        await service.AddCause(hs.AddCauseRequest(rule=rule), None)
        await service.NoteCause(hs.NoteCauseRequest(cause=TRACEBACK, text="ask the script team"), None)
        assert "ask the script team" in str(causes(hub, "nightly"))
        await asyncio.to_thread(sign, hub)
        found = causes(hub, "nightly")
        assert found["broken scripts"].example.path == "nightly/lookup"
        noted = [group.example.path for group in found.values() if group.notes]
        assert sorted(noted) == ["nightly/check", "nightly/connect", "nightly/parse"]
        await asyncio.get_running_loop().shutdown_default_executor()
    finally:
        hub.close()
