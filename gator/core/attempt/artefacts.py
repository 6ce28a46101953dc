"""The artefacts of an attempt: those that were kept, and those that the job announced."""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from gator.v1 import event_pb2

_ODD: Final = r"[^A-Za-z0-9]"


def variable_of(name: str) -> str:
    """Returns the variable with the value of an artefact: GATOR_ARTEFACT_BUILD_SIM for `build.sim`."""
    return "GATOR_ARTEFACT_" + re.sub(_ODD, "_", name).upper()


class Collected(Struct):
    """The artefacts that were kept of an attempt."""

    artefacts: list[event_pb2.Artefact] = field(default_factory=list[event_pb2.Artefact])
    problems: list[str] = field(default_factory=list[str])
    """Problems, each a sentence; they fail the attempt."""
    warnings: list[str] = field(default_factory=list[str])
    contents: list[event_pb2.ArtefactContent] = field(default_factory=list[event_pb2.ArtefactContent])
    """Contents to record for a hub."""


def merged(
    announced: event_pb2.Artefacts | None, kept: Iterable[event_pb2.Artefact]
) -> event_pb2.Artefacts | None:
    """Returns all artefacts of an attempt; None if there are none.

    One that was announced and kept is one artefact, with the text of the announcement.
    """
    by_name = {each.name: each for each in announced.list} if announced is not None else {}
    for each in kept:
        if each.name in by_name:
            each.text = by_name[each.name].text
        by_name[each.name] = each
    return event_pb2.Artefacts(list=by_name.values()) if by_name else None
