"""What a Result says survives the tables of a store."""

from typing import Any

from gator.store.catalogue.changes import Changes
from gator.store.catalogue.messages import NODE_NAMES, node_of, result_of
from gator.v1 import event_pb2


def fill(message: Any) -> Any:
    """Sets each field of a message, of all messages in it, and one element of each list."""
    for field in message.DESCRIPTOR.fields:
        if field.is_repeated and field.message_type is None:
            getattr(message, field.name).append(1)
        elif field.is_repeated:
            fill(getattr(message, field.name).add())
        elif field.message_type is not None:
            fill(getattr(message, field.name))
        elif field.type == field.TYPE_STRING:
            setattr(message, field.name, field.name)
        elif field.type == field.TYPE_BYTES:
            setattr(message, field.name, field.name.encode())
        else:
            setattr(message, field.name, 1)
    return message


def stored(result: event_pb2.Result) -> event_pb2.Result:
    """The Result of a job that is made from its row."""
    changes = Changes()
    changes.take(
        "s",
        [
            event_pb2.Event(seq=1, path="top", declared=event_pb2.Declared(allow_failure=True)),
            event_pb2.Event(seq=2, path="top", result=result),
        ],
    )
    row = changes.nodes["top"]
    return result_of(node_of([row.get(name) for name in NODE_NAMES]), result.metrics)


def test_each_field_of_a_result_can_be_read_back() -> None:
    """A field that this test misses needs a column of the nodes; see "Add a node column"."""
    result: event_pb2.Result = fill(event_pb2.Result())
    assert {field.name for field, _ in result.ListFields()} == set(event_pb2.Result.DESCRIPTOR.fields_by_name)
    assert stored(result) == result


def test_what_a_result_does_not_have_stays_unset() -> None:
    result = stored(event_pb2.Result())
    assert [field.name for field, _ in result.ListFields()] == ["counts", "allow_failure"]
