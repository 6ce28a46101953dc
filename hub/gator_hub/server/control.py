"""ControlService of a hub: the owner of a run stops it through the stream of its root."""

import asyncio
from concurrent.futures import Executor
from typing import Any

from gator.errors import NotFoundError, PermissionDeniedError
from gator.query import Queries
from gator.query.left import jobs_left
from gator.v1 import attach_pb2, control_service_pb2_grpc
from gator.v1 import control_service_pb2 as cs
from gator_hub.database.database import Database
from gator_hub.ingest.handler import Ingest
from gator_hub.queries.reader import HubReader
from gator_hub.queries.runs import find_run
from gator_hub.server.access import Access


class HubControl(control_service_pb2_grpc.ControlServiceServicer):
    """Forwards orders to attached roots."""

    def __init__(self, database: Database, executor: Executor, access: Access, ingest: Ingest) -> None:
        self._database, self._executor = database, executor
        self._access, self._ingest = access, ingest

    async def Stop(  # noqa: N802
        self, request: cs.StopRequest, context: Any
    ) -> cs.StopResponse:
        """Stops a node and everything below it."""
        caller = self._access.caller(context)
        loop = asyncio.get_running_loop()
        run, jobs = await loop.run_in_executor(self._executor, self._find, request, caller)
        if run is None:
            return cs.StopResponse()
        resolved = cs.StopRequest()
        resolved.CopyFrom(request)
        resolved.mode = request.mode or attach_pb2.STOP_MODE_GRACEFUL
        resolved.message = request.message or f"stopped by {caller} through the hub"
        self._ingest.stop(run, resolved)
        return cs.StopResponse(jobs=jobs)

    def _find(self, request: cs.StopRequest, caller: str) -> tuple[int | None, int]:
        """Returns the number of a run, None if it has ended, and the number of its jobs that have not.

        Raises NotFoundError if there is no such run, and PermissionDeniedError if the caller does not own it.
        """
        run = find_run(self._database, request.run)
        runs = self._database.models.runs
        rows = self._database.rows(runs.select(runs.owner, runs.ended_unix_nanos).where(runs.id == run))
        if not rows:
            raise NotFoundError(f"there is no run {request.run!r}: see `gator runs -r hub:`")
        owner, ended = rows[0]
        if owner != caller:
            raise PermissionDeniedError(
                f"the run belongs to {owner}: only {owner} may stop it, so ask {owner}"
            )
        jobs = jobs_left(Queries(HubReader(self._database, run)), request.path)
        return (None if ended else run), jobs
