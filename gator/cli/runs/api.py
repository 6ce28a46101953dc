"""Opens the query API of a run in a folder: its record where it can be read, else its live root."""

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import Protocol

from msgspec import Struct

from gator.cli.runs import find
from gator.errors import GatorError, NotFoundError, StoreError, UsageError, UserError
from gator.files.regular import is_regular
from gator.run_folder import ROOT_STORE, RunFolder
from gator.v1 import query_pb2
from gator.v1 import query_service_pb2 as qs

_NO_RECORD = "the run never began, or stores/root.db was removed"


class RunApi(Protocol):
    """The queries about a run, as in QueryService."""

    def get_run(self, request: qs.GetRunRequest, /) -> qs.GetRunResponse:
        """Returns one run as a whole."""
        ...

    def get_node(self, request: qs.GetNodeRequest, /) -> qs.GetNodeResponse:
        """Returns one node with all its attempts."""
        ...

    def list_nodes(self, request: qs.ListNodesRequest, /) -> qs.ListNodesResponse:
        """Returns nodes below a node."""
        ...

    def list_failures(self, request: qs.ListFailuresRequest, /) -> qs.ListFailuresResponse:
        """Returns failed and lost jobs by their signature."""
        ...

    def list_waiting(self, request: qs.ListWaitingRequest, /) -> qs.ListWaitingResponse:
        """Returns what cannot start yet."""
        ...

    def explain_node(self, request: qs.ExplainNodeRequest, /) -> qs.ExplainNodeResponse:
        """Returns why a node has not started."""
        ...

    def list_events(self, request: qs.ListEventsRequest, /) -> qs.ListEventsResponse:
        """Returns events."""
        ...

    def list_lines(self, request: qs.ListLinesRequest, /) -> qs.ListLinesResponse:
        """Returns lines and messages."""
        ...

    def list_metrics(self, request: qs.ListMetricsRequest, /) -> qs.ListMetricsResponse:
        """Returns metrics."""
        ...

    def list_samples(self, request: qs.ListSamplesRequest, /) -> qs.ListSamplesResponse:
        """Returns samples of the resource usage of an attempt."""
        ...


@contextmanager
def open_api(found_run: find.FoundRun) -> Generator[RunApi]:
    """Yields the API of a run: its record, or its live root where the record cannot be read."""
    from gator.query import Queries
    from gator.store.run.reader import FolderReader

    close_dead(found_run)
    folder = found_run.folder
    live = folder.is_live()
    if not _has_record(folder):
        why = "it has just started; try again in a moment" if live else _NO_RECORD
        raise NotFoundError(f"{folder.path} contains no record: {why}")
    with ExitStack() as left:
        try:
            reader = left.enter_context(FolderReader.open(folder.path, live=live, copied=folder.is_copy()))
            api: RunApi = Queries(reader)
            # A store of a live run may not be complete yet.
            for why in () if live else reader.unreadable.values():
                sys.stderr.write(f"gator: left out: {why}\n")
        except StoreError as error:
            control = folder.read_control() if live else None
            if control is None and live:
                raise NotFoundError(f"{error}: the run has just started; try again in a moment") from error
            if control is None:
                raise
            from gator.cli.runs.remote import remote_api

            api = left.enter_context(remote_api(control))
        yield api


class UnreadableRun(Struct, frozen=True):
    """A run that cannot be read."""

    reason: str


def read_run(found_run: find.FoundRun) -> query_pb2.Run | UnreadableRun:
    """Returns a run as a whole, or why it cannot be read, for commands about many runs."""
    try:
        with open_api(found_run) as api:
            return api.get_run(qs.GetRunRequest()).run
    except (GatorError, UserError) as error:
        return UnreadableRun(str(error))


def _has_record(folder: RunFolder) -> bool:
    """Returns whether the store of the root exists. Raises DamagedFolderError if it is not a regular file."""
    try:
        if is_regular(folder.stores / ROOT_STORE):
            return True
    except OSError as error:
        raise UsageError(find.unreadable(folder.path, error)) from error
    from gator.store import check_files

    check_files(folder.stores / ROOT_STORE)
    return False


def close_dead(found_run: find.FoundRun) -> None:
    """Closes a dead run if this process may; for other users the view is the same and nothing is written."""
    from gator.daemon.recovery import ensure_closed

    # If nothing can be written, the same view is computed.
    with suppress(StoreError, OSError):
        ensure_closed(found_run.folder)
