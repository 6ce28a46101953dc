"""HubService for grpc.aio: lists of runs, comparisons and histories, and changes of runs.

Invariant: queries run on an executor, so the event loop never waits for the database; all changes are made by
the one writer.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

from google.protobuf.message import Message
from msgspec import Struct

from gator.core.history.series import normal, options_of
from gator.errors import NotFoundError, PermissionDeniedError, PreconditionError, UsageError
from gator.query import checked_rules, tokens
from gator.rpc.auth import token_of
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import hub_service_pb2_grpc
from gator_hub.database.database import Database
from gator_hub.ingest.writer import Writer
from gator_hub.log import PinLog
from gator_hub.queries.cause_notes import list_causes
from gator_hub.queries.compare import Comparisons
from gator_hub.queries.history import History
from gator_hub.queries.job_statistics import job_statistics
from gator_hub.queries.runs import TEXT_ORDERS, PageKey, find_run, list_runs
from gator_hub.server import causes
from gator_hub.server.access import Access

MAX_PAGE_SIZE = 1000
"""Maximum number of entries of a page."""
_DEFAULT_RUNS = 100
"""Default number of runs of a page."""
_DEFAULT_HISTORY = 20
"""Default number of entries of a history in a page."""

Answer = TypeVar("Answer")


class HubServicer(hub_service_pb2_grpc.HubServiceServicer):
    """Answers from the database; `access` identifies the caller. Raises the errors documented in the schema.

    `on_delete` is called after a run was marked for removal. `sign_in` returns a code for a token.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        access: Access,
        executor: Executor | None = None,
        on_delete: Callable[[], None] = lambda: None,
        log: PinLog | None = None,
        sign_in: Callable[[str], hs.CreateSignInCodeResponse] | None = None,
    ) -> None:
        self._database, self._writer, self._access, self._executor = database, writer, access, executor
        self._on_delete, self._log = on_delete, log or PinLog()
        self._sign_in = sign_in
        self._comparisons = Comparisons(database)

    async def _ask(self, answer: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._executor, answer)

    async def ListRuns(self, request: hs.ListRunsRequest, context: Any) -> hs.ListRunsResponse:  # noqa: N802
        """Returns runs in an order."""
        return await self._ask(lambda: self._list_runs(request))

    def _list_runs(self, request: hs.ListRunsRequest) -> hs.ListRunsResponse:
        after = _after_sorted(request)
        runs, at = list_runs(
            self._database, request, after, min(request.page_size or _DEFAULT_RUNS, MAX_PAGE_SIZE)
        )
        return hs.ListRunsResponse(runs=runs, next_page_token=_token(request, at))

    async def CompareRuns(  # noqa: N802
        self, request: hs.CompareRunsRequest, context: Any
    ) -> hs.CompareRunsResponse:
        """Compares two runs job by job."""
        return await self._ask(lambda: self._compare(request))

    def _compare(self, request: hs.CompareRunsRequest) -> hs.CompareRunsResponse:
        position = tokens.decode(request, request.page_token, _AfterJob)
        before, after = find_run(self._database, request.before), find_run(self._database, request.after)
        page = self._comparisons.page(
            before,
            after,
            request.changes,
            position and position.after,
            _size(request.page_size),
            checked_rules(request.more_rules),
        )
        return hs.CompareRunsResponse(
            differences=page.differences,
            counts=page.counts,
            unselected=page.unselected,
            next_page_token=_token(request, page.next),
        )

    async def ListHistory(  # noqa: N802
        self, request: hs.ListHistoryRequest, context: Any
    ) -> hs.ListHistoryResponse:
        """Returns the outcomes of one node in many runs, the newest first."""
        return await self._ask(lambda: self._list_history(request))

    def _list_history(self, request: hs.ListHistoryRequest) -> hs.ListHistoryResponse:
        if not request.ident:
            raise UsageError("history needs the ident of a root, such as `nightly`")
        after = _after_run(request, request.page_token)
        more = checked_rules(request.more_rules)
        history = History(self._database, request.ident, request.path, request.selection, more)
        entries, at = history.entries(after, min(request.page_size or _DEFAULT_HISTORY, MAX_PAGE_SIZE))
        if not entries and not after:
            whole = f"{request.ident}/{request.path}" if request.path else request.ident
            options = options_of(normal(request.selection))
            part = f" of {options}" if options else " of the whole spec"
            raise NotFoundError(f"no run{part} on this hub has a node {whole}")
        turn = history.turn()
        return hs.ListHistoryResponse(
            entries=entries,
            next_page_token=_token(request, at),
            first_bad=turn.first_bad,
            last_good=turn.last_good,
        )

    async def ListJobStatistics(  # noqa: N802
        self, request: hs.ListJobStatisticsRequest, context: Any
    ) -> hs.ListJobStatisticsResponse:
        """Returns the jobs of a series with their outcomes and durations."""
        return await self._ask(lambda: self._list_job_statistics(request))

    def _list_job_statistics(self, request: hs.ListJobStatisticsRequest) -> hs.ListJobStatisticsResponse:
        if not request.ident:
            raise UsageError("statistics need the ident of a root, such as `nightly`")
        position = tokens.decode(request, request.page_token, tokens.AfterCount)
        start = position.after if position else 0
        end = start + _size(request.page_size)
        jobs, runs = job_statistics(self._database, request)
        return hs.ListJobStatisticsResponse(
            jobs=jobs[start:end],
            runs=runs,
            next_page_token=_token(request, end if end < len(jobs) else None),
        )

    async def CreateSignInCode(  # noqa: N802
        self, request: hs.CreateSignInCodeRequest, context: Any
    ) -> hs.CreateSignInCodeResponse:
        """Returns a code with which a browser signs in as the caller."""
        if self._sign_in is None:
            raise PreconditionError("this server has no web page")
        return self._sign_in(token_of(context.invocation_metadata()))

    async def PinRun(self, request: hs.PinRunRequest, context: Any) -> hs.PinRunResponse:  # noqa: N802
        """Pins a run, which is then never removed by age or number, or unpins it."""
        caller = self._access.caller(context)
        run = await self._ask(lambda: find_run(self._database, request.run))

        def pin(database: Database) -> str:
            run_name = _check_owner(database, run, caller, "pin")
            runs = database.models.runs
            database.run(runs.update(pinned=int(request.pinned)).where(runs.id == run))
            return run_name

        name = await asyncio.wrap_future(self._writer.run(pin))
        self._log.log("%s %s by %s", name, "pinned" if request.pinned else "unpinned", caller)
        return hs.PinRunResponse()

    async def DeleteRun(self, request: hs.DeleteRunRequest, context: Any) -> hs.DeleteRunResponse:  # noqa: N802
        """Marks a run for removal unless it is connected."""
        caller = self._access.caller(context)
        run = await self._ask(lambda: find_run(self._database, request.run))

        def delete(database: Database) -> str:
            run_name = _check_owner(database, run, caller, "delete")
            runs = database.models.runs
            ((connected,),) = database.run(runs.select(runs.connected).where(runs.id == run)).fetchall()
            if connected:
                raise PreconditionError("the run is still connected to the hub: stop it first")
            database.run(runs.update(deleted=1).where(runs.id == run))
            return run_name

        name = await asyncio.wrap_future(self._writer.run(delete))
        self._log.log("%s deleted by %s", name, caller)
        self._on_delete()
        return hs.DeleteRunResponse()

    async def GiveRun(self, request: hs.GiveRunRequest, context: Any) -> hs.GiveRunResponse:  # noqa: N802
        """Makes another user the owner of a run."""
        caller = self._access.caller(context)
        if not self._access.knows(request.user):
            raise NotFoundError(f"the hub has no user {request.user!r}: its token file names the users")
        run = await self._ask(lambda: find_run(self._database, request.run))

        def give(database: Database) -> str:
            if self._access.is_admin(caller):
                run_name, _ = _described(database, run)
            else:
                run_name = _check_owner(database, run, caller, "give")
            runs = database.models.runs
            database.run(runs.update(owner=request.user).where(runs.id == run))
            return run_name

        name = await asyncio.wrap_future(self._writer.run(give))
        self._log.log("%s given to %s by %s", name, request.user, caller)
        return hs.GiveRunResponse()

    async def AddCause(self, request: hs.AddCauseRequest, context: Any) -> hs.AddCauseResponse:  # noqa: N802
        """Adds a rule that names a cause."""
        caller = self._access.caller(context)
        causes.check_rule(request.rule)
        await asyncio.wrap_future(
            self._writer.run(partial(causes.add_rule, rule=request.rule, author=caller))
        )
        return hs.AddCauseResponse()

    async def ListCauses(self, request: hs.ListCausesRequest, context: Any) -> hs.ListCausesResponse:  # noqa: N802
        """Returns the rules and notes about causes."""
        return await self._ask(lambda: list_causes(self._database))

    async def NoteCause(self, request: hs.NoteCauseRequest, context: Any) -> hs.NoteCauseResponse:  # noqa: N802
        """Adds a note or a ticket to a cause."""
        caller = self._access.caller(context)
        causes.check_note(request)
        await asyncio.wrap_future(self._writer.run(partial(causes.add_note, note=request, author=caller)))
        return hs.NoteCauseResponse()

    async def RemoveCause(self, request: hs.RemoveCauseRequest, context: Any) -> hs.RemoveCauseResponse:  # noqa: N802
        """Removes the rules of a cause."""
        caller = self._access.caller(context)
        remove = partial(
            causes.remove_rules, name=request.name, caller=caller, is_admin=self._access.is_admin(caller)
        )
        return hs.RemoveCauseResponse(rules=await asyncio.wrap_future(self._writer.run(remove)))


def _check_owner(database: Database, run: int, caller: str, doing: str) -> str:
    """Returns the name of a run for the log.

    Raises PermissionDeniedError if the caller is not its owner, NotFoundError if it was removed.
    """
    name, owner = _described(database, run)
    if owner != caller:
        raise PermissionDeniedError(
            f"the run belongs to {owner}: only {owner} may {doing} it, so ask {owner}"
        )
    return name


def _described(database: Database, run: int) -> tuple[str, str]:
    """Returns the name of a run for the log, and its owner. Raises NotFoundError."""
    runs = database.models.runs
    query = runs.select(runs.owner, runs.ident, runs.run).where(runs.id == run, runs.deleted == 0)
    rows = database.run(query).fetchall()
    if not rows:
        raise NotFoundError(
            "the run was removed from the hub: run `gator hub import FOLDER` to upload it again"
        )
    owner, ident, run_id = rows[0]
    return f"run {ident} ({run_id[:8]})", owner


class _AfterRun(Struct, frozen=True):
    """Position in a list of runs: start and id of a run."""

    after: tuple[tokens.Number, tokens.Count]


class _AfterSorted(Struct, frozen=True):
    """Position in a list of runs: the sort key and number of the last one."""

    after: tuple[tokens.Number | str, tokens.Count]


class _AfterJob(Struct, frozen=True):
    """Position in a list of changes: kind of change and path."""

    after: tuple[tokens.Count, str]


def _after_run(request: Message, token: str) -> PageKey | None:
    position = tokens.decode(request, token, _AfterRun)
    return list(position.after) if position else None


def _after_sorted(request: hs.ListRunsRequest) -> PageKey | None:
    """Returns the position in a list of runs, which begins with their sort key. Raises UsageError."""
    position = tokens.decode(request, request.page_token, _AfterSorted)
    if position is None:
        return None
    if isinstance(position.after[0], str) != (request.order in TEXT_ORDERS):
        raise UsageError("the token is invalid: start again without it")
    return list(position.after)


def _token(request: Message, after: Any) -> str:
    return tokens.encode(request, {"after": after}) if after is not None else ""


def _size(requested: int) -> int:
    return min(requested or MAX_PAGE_SIZE, MAX_PAGE_SIZE)
