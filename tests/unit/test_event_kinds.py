from typing import get_args

from gator.event_kinds import (
    BULK_KINDS,
    CLIENT_FIELDS,
    DROP_BELOW,
    EVENT_KINDS,
    GRADED_KINDS,
    LISTED_KINDS,
    STATE_KINDS,
    Payload,
)
from gator.v1 import attach_pb2, common_pb2, event_pb2

_PAYLOADS = event_pb2.Event.DESCRIPTOR.oneofs_by_name["payload"].fields


def test_the_table_has_every_payload_and_every_kind_once() -> None:
    assert [each.field for each in EVENT_KINDS] == [field.name for field in _PAYLOADS]
    assert sorted(each.kind for each in EVENT_KINDS) == [
        kind for kind in attach_pb2.EventKind.values() if kind
    ]
    for each in EVENT_KINDS:
        assert attach_pb2.EventKind.Name(each.kind) == f"EVENT_KIND_{each.field.upper()}"


def test_the_type_of_payloads_has_every_payload() -> None:
    names = {message.DESCRIPTOR.name for message in get_args(Payload)}
    assert names == {type(getattr(event_pb2.Event(), each.field)).__name__ for each in EVENT_KINDS}


def test_exactly_the_payloads_with_a_severity_are_graded() -> None:
    graded = {
        each.kind for each in EVENT_KINDS if hasattr(getattr(event_pb2.Event(), each.field), "severity")
    }
    assert set(GRADED_KINDS) == graded


def test_what_a_hub_sees_last_is_bulk_and_only_bulk_is_dropped() -> None:
    assert {*BULK_KINDS, *STATE_KINDS} == {each.kind for each in EVENT_KINDS}
    assert {kind for kind, below in DROP_BELOW.items() if below} == set(BULK_KINDS)
    assert DROP_BELOW[attach_pb2.EVENT_KIND_LOG] == common_pb2.SEVERITY_WARNING


def test_only_messages_and_metrics_come_from_clients() -> None:
    assert frozenset({"log", "metric"}) == CLIENT_FIELDS


def test_lists_of_events_have_all_kinds_but_those_with_bytes() -> None:
    with_bytes = {
        each.kind
        for each in EVENT_KINDS
        if "data" in getattr(event_pb2.Event(), each.field).DESCRIPTOR.fields_by_name
    }
    assert set(LISTED_KINDS) == {each.kind for each in EVENT_KINDS} - with_bytes
