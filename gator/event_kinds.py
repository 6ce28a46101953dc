"""The kinds of events, as one table from which every list of kinds is made.

A new payload is one entry in `EVENT_KINDS`, its producer and its display; a test compares the table with the
protos.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from gator.v1 import attach_pb2, common_pb2, event_pb2

Payload: TypeAlias = (
    event_pb2.Declared
    | event_pb2.Started
    | event_pb2.LogEvent
    | event_pb2.Block
    | event_pb2.Metric
    | event_pb2.Sample
    | event_pb2.AttemptFinished
    | event_pb2.Result
    | event_pb2.Progress
    | event_pb2.Artefact
    | event_pb2.ArtefactContent
)
Kind: TypeAlias = attach_pb2.EventKind.ValueType

_NEVER: Final = 0
_ALWAYS: Final = common_pb2.SEVERITY_CRITICAL + 1


class EventKind(NamedTuple):
    """One kind of event. The defaults describe a state that only its own daemon needs."""

    field: str
    """Name of the payload in `Event`."""
    kind: Kind
    is_bulk: bool = False
    """Travels to a hub behind the states, because there may be gigabytes of it."""
    is_graded: bool = False
    """The payload has a severity, so that the minimum severity of a filter applies."""
    drop_below: int = _NEVER
    """Events below this severity are dropped while the disk is full. Ungraded ones have severity 0."""
    is_lifecycle: bool = False
    """Decides how a node continues: it changes the catalogue, and recovery reads it."""
    is_shown: bool = False
    """Changes the catalogue only for displays, so recovery does not read it."""
    ends_subject: bool = False
    """No later event is about the same attempt, or the same node."""
    to_parent: bool = False
    """Daemons report it to their parent, which limits the number of messages."""
    has_contents: bool = False
    """Has bytes of output or of a file. Lists of events omit it unless it is asked for."""
    from_client: bool = False
    """A job's own process may report it."""


EVENT_KINDS: Final = (
    EventKind("declared", attach_pb2.EVENT_KIND_DECLARED, is_lifecycle=True, to_parent=True),
    EventKind("started", attach_pb2.EVENT_KIND_STARTED, is_lifecycle=True, to_parent=True),
    EventKind(
        "log",
        attach_pb2.EVENT_KIND_LOG,
        is_bulk=True,
        is_graded=True,
        drop_below=common_pb2.SEVERITY_WARNING,
        to_parent=True,
        from_client=True,
    ),
    EventKind(
        "block",
        attach_pb2.EVENT_KIND_BLOCK,
        is_bulk=True,
        is_graded=True,
        drop_below=_ALWAYS,
        has_contents=True,
    ),
    EventKind("metric", attach_pb2.EVENT_KIND_METRIC, to_parent=True, from_client=True),
    EventKind("sample", attach_pb2.EVENT_KIND_SAMPLE, is_bulk=True, drop_below=_ALWAYS),
    EventKind(
        "attempt_finished",
        attach_pb2.EVENT_KIND_ATTEMPT_FINISHED,
        is_lifecycle=True,
        ends_subject=True,
        to_parent=True,
    ),
    EventKind("result", attach_pb2.EVENT_KIND_RESULT, is_lifecycle=True, ends_subject=True, to_parent=True),
    EventKind("progress", attach_pb2.EVENT_KIND_PROGRESS, is_shown=True, to_parent=True),
    EventKind("artefact", attach_pb2.EVENT_KIND_ARTEFACT, to_parent=True),
    EventKind(
        "artefact_content",
        attach_pb2.EVENT_KIND_ARTEFACT_CONTENT,
        is_bulk=True,
        drop_below=_ALWAYS,
        has_contents=True,
    ),
)
"""All kinds, in the order of the protos."""


def _kinds(is_selected: Callable[[EventKind], bool]) -> tuple[Kind, ...]:
    return tuple(each.kind for each in EVENT_KINDS if is_selected(each))


KIND_OF_FIELD: Final[dict[str, Kind]] = {each.field: each.kind for each in EVENT_KINDS}
FIELD_OF_KIND: Final[dict[Kind, str]] = {each.kind: each.field for each in EVENT_KINDS}
BULK_KINDS: Final = _kinds(lambda each: each.is_bulk)
STATE_KINDS: Final = _kinds(lambda each: not each.is_bulk)
GRADED_KINDS: Final = _kinds(lambda each: each.is_graded)
LIFECYCLE_KINDS: Final = _kinds(lambda each: each.is_lifecycle)
CATALOGUED_KINDS: Final = _kinds(lambda each: each.is_lifecycle or each.is_shown)
ENDING_KINDS: Final = _kinds(lambda each: each.ends_subject)
PARENT_KINDS: Final = _kinds(lambda each: each.to_parent)
LISTED_KINDS: Final = _kinds(lambda each: not each.has_contents)
"""The kinds that lists of events have by default."""
CLIENT_FIELDS: Final = frozenset(each.field for each in EVENT_KINDS if each.from_client)
DROP_BELOW: Final[dict[int, int]] = {int(each.kind): each.drop_below for each in EVENT_KINDS}
"""By kind: events below this severity are dropped while the disk is full."""


def kind_of(event: event_pb2.Event) -> Kind:
    """Returns the kind of an event; EVENT_KIND_UNSPECIFIED for a payload that this version does not know."""
    field = event.WhichOneof("payload")
    if field is None:
        return attach_pb2.EVENT_KIND_UNSPECIFIED
    return KIND_OF_FIELD[field]


def filter_severity(kind: int, payload: Any) -> common_pb2.Severity.ValueType:
    """Returns the severity by which filters select a payload; unspecified for kinds without one."""
    if kind == attach_pb2.EVENT_KIND_LOG:
        return payload.severity
    if kind == attach_pb2.EVENT_KIND_BLOCK:
        return payload.filter_severity or payload.severity
    return common_pb2.SEVERITY_UNSPECIFIED
