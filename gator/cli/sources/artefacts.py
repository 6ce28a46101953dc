"""The artefacts of the jobs of a run, and their contents."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from gator.cli.runs.paging import pages
from gator.cli.sources.open import OpenRun
from gator.errors import NotFoundError, no_attempt
from gator.spec.suggestions import did_you_mean
from gator.units import some_of
from gator.v1 import attach_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs

_MAX_NAMES: Final = 10


class MadeArtefact(Struct, frozen=True):
    """An artefact of the last attempt at a job that made any."""

    path: str
    attempt: int
    artefact: event_pb2.Artefact


def artefacts_of(opened: OpenRun, path: str, attempt: int = 0) -> list[MadeArtefact]:
    """Returns the artefacts of a node and of all nodes below it, by path; `attempt` 0 means the last."""
    by_name: dict[str, dict[int, dict[str, event_pb2.Artefact]]] = {}
    for stored in _events(opened, path, attach_pb2.EVENT_KIND_ARTEFACT, qs.SCOPE_SUBTREE, attempt):
        event = stored.event
        named = by_name.setdefault(event.path, {}).setdefault(event.attempt, {})
        before = named.get(event.artefact.name)
        if before is not None and not event.artefact.text:
            # It was announced before it was kept.
            event.artefact.text = before.text
        named[event.artefact.name] = event.artefact
    return [
        MadeArtefact(job, max(attempts), artefact)
        for job, attempts in sorted(by_name.items())
        for artefact in attempts[max(attempts)].values()
    ]


def artefact_named(opened: OpenRun, path: str, name: str, attempt: int = 0) -> MadeArtefact:
    """Returns one artefact of a job. Raises NotFoundError that lists those that there are."""
    if attempt:
        attempts = opened.api.get_node(qs.GetNodeRequest(path=path)).attempts
        if all(attempt != each.number for each in attempts):
            raise no_attempt(path, attempt, len(attempts))
    made = [each for each in artefacts_of(opened, path, attempt) if each.path == path]
    for each in made:
        if each.artefact.name == name:
            return each
    names = [each.artefact.name for each in made]
    near = did_you_mean(name, names) or (f": it made {some_of(names, _MAX_NAMES)}" if names else "")
    raise NotFoundError(f"{path} has no artefact '{name}'{near or ': see gator artefacts'}")


def copy_of(opened: OpenRun, made: MadeArtefact) -> Path | None:
    """Returns the place of a kept content in a folder of this host; None if it is not here."""
    artefact = made.artefact
    return opened.source.stored_file(artefact.object) if artefact.object else None


def write_recorded(opened: OpenRun, made: MadeArtefact, out: BinaryIO) -> bool:
    """Writes a content that was recorded for a hub; returns False, and writes nothing, if it was not."""
    expected = 0
    for stored in _events(
        opened, made.path, attach_pb2.EVENT_KIND_ARTEFACT_CONTENT, qs.SCOPE_NODE, made.attempt
    ):
        part = stored.event.artefact_content
        if part.sha256 == made.artefact.sha256 and part.offset_bytes == expected:
            out.write(part.data)
            expected += len(part.data)
    return expected == made.artefact.size_bytes and bool(made.artefact.sha256)


def _events(
    opened: OpenRun,
    path: str,
    kind: attach_pb2.EventKind.ValueType,
    scope: qs.Scope.ValueType,
    attempt: int,
) -> Iterator[query_pb2.StoredEvent]:
    kinds: Sequence[attach_pb2.EventKind.ValueType] = [kind]
    request = qs.ListEventsRequest(path=path, scope=scope, kinds=kinds, attempt=attempt)
    for page in pages(opened.api.list_events, request):
        yield from page.events
