"""The server of a root: Attach for daemons and processes of jobs, queries and stop requests of its user.

Invariant: everything but health and reflection requires a token. Importing this imports grpc.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gator.core.tokens import Audience, Tokens
from gator.daemon.serving.attach_router import AttachRouter
from gator.errors import NotFoundError
from gator.link.server import ATTACH, parent_service
from gator.query.servicers import ControlServicer, QueryServicer
from gator.rpc.server import Service, serve
from gator.runtime.loop import in_thread
from gator.store import StoreReader
from gator.store.run.reader import FolderReader
from gator.v1 import control_service_pb2 as cs
from gator.v1 import (
    control_service_pb2_grpc,
    query_service_pb2_grpc,
)
from gator.v1 import query_service_pb2 as qs

if TYPE_CHECKING:
    from gator.query import Queries


class RootServer:
    """Serves the daemons of a run, the processes of its jobs and its user."""

    def __init__(
        self,
        run: str,
        folder: Path,
        root: StoreReader,
        tokens: Tokens,
        handler: AttachRouter,
        *,
        stop: Callable[[cs.StopRequest], None],
        explain: Callable[[str], qs.ExplainNodeResponse | None],
    ) -> None:
        """Opens the record; `explain` answers for a job that the dispatcher knows."""
        self._run, self._tokens, self._handler = run, tokens, handler
        self._stop, self._explain = stop, explain
        self._left = ExitStack()
        self._pool = ThreadPoolExecutor(2, "gator-query")
        self._left.callback(root.close)
        self._reader = self._left.enter_context(FolderReader.open(folder, live=True, root=root))
        self._queries: Queries | None = None
        """None before the first query."""

    async def start(self, address: str) -> str:
        """Starts to listen. Returns the address to dial."""
        services = [
            parent_service(self._handler),
            Service(
                "gator.v1.QueryService",
                query_service_pb2_grpc.add_QueryServiceServicer_to_server,
                QueryServicer(self._find, self._pool, explain=self._explain),
            ),
            Service(
                "gator.v1.ControlService",
                control_service_pb2_grpc.add_ControlServiceServicer_to_server,
                ControlServicer(self._on_stop),
            ),
        ]
        self._server = await serve(services, address=address, authenticate=self._authenticate)
        return self._server.address

    async def close(self) -> None:
        """Stops the server."""
        await self._server.stop()
        self._pool.shutdown()
        self._left.close()

    def _authenticate(self, method: str, token: str) -> None:
        # The Hello of an Attach says what its token must authorise, so its handler checks it.
        if method != ATTACH:
            self._tokens.check(token, Audience.CONTROL)

    def _find(self, run: str) -> "Queries":
        if run and run != self._run:
            raise NotFoundError(f"there is no run {run} here, only {self._run}")
        if self._queries is None:
            # Most runs get no query.
            from gator.query import Queries
            from gator.query.budget import Budget

            self._queries = Queries(self._reader, Budget(time.monotonic))
        return self._queries

    async def _on_stop(self, request: cs.StopRequest) -> int:
        from gator.query.left import jobs_left

        queries = self._find(request.run)
        jobs = await in_thread(jobs_left, queries, request.path)
        self._stop(request)
        return jobs
