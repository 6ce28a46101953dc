"""Finds a node of a live run that is not in its record yet."""

from gator import path_patterns
from gator.cli.sources.open import OpenRun
from gator.errors import NotFoundError
from gator.v1 import query_service_pb2 as qs


def waiting_path(opened: OpenRun, wanted: str) -> str:
    """Returns the path of the waiting node that a string means, or the text if it means none.

    Raises UsageError if it means several.
    """
    name, bracket, index = wanted.rpartition("[") if wanted.endswith("]") else (wanted, "", "")
    waiting = opened.api.list_waiting(qs.ListWaitingRequest()).waiting
    try:
        matches = path_patterns.match(name, (entry.path for entry in waiting))
    except NotFoundError:
        return wanted
    if len(matches) > 1:
        raise path_patterns.ambiguous_path(wanted, matches)
    return f"{matches[0]}{bracket}{index}"
