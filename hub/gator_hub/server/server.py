"""The gRPC server of a hub over one database.

Invariant: acknowledged events are committed, even if the server is stopped at any moment.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

from gator.errors import PreconditionError, UsageError
from gator.link import message_parts
from gator.link.server import parent_service
from gator.query.servicers import QueryServicer
from gator.rpc.auth import ServerLimits
from gator.rpc.server import Server, Service, Tls, serve
from gator.runtime.loop import Poster
from gator.v1 import control_service_pb2_grpc, hub_service_pb2_grpc, query_service_pb2_grpc
from gator.v1 import hub_service_pb2 as hs
from gator_hub.database.database import Database
from gator_hub.database.lock import HubLock
from gator_hub.ingest import registry
from gator_hub.ingest.handler import Ingest
from gator_hub.ingest.writer import Writer
from gator_hub.log import AttachLog, PinLog, RefusalLog, log
from gator_hub.queries.runs import OpenRuns
from gator_hub.retention.retention import Retention
from gator_hub.server.access import Access
from gator_hub.server.control import HubControl
from gator_hub.server.hub_servicer import HubServicer
from gator_hub.server.options import ServeOptions, cannot_listen
from gator_hub.server.peer_limit import PeerLimit
from gator_hub.server.web import Web, open_web
from gator_hub.signatures.updater import SignatureUpdater
from gator_hub.web.sessions import Sessions

_QUERY_THREADS = 8
_SERVER_LIMITS = ServerLimits(
    # Only roots send larger messages, in parts.
    message_bytes=message_parts.MAX_BYTES,
    calls=_QUERY_THREADS,
    calls_per_token=6,
    request_timeout_seconds=10.0,
    max_unread_bytes=16 * 1024 * 1024,
)
_LOCK_CHECK_INTERVAL_SECONDS = 2.0
"""Interval in seconds of checks whether another hub has taken the database over."""
_CLOSE_SECONDS = 10.0
"""Timeout of the last commit at a stop, in seconds."""
_GRACE_SECONDS = 0.5
"""Seconds that active calls get to finish at a stop. Watches never finish on their own."""


class HubServer:
    """A hub that listens after `start`, on one event loop.

    The caller still owns `database` and `lock`.
    """

    def __init__(
        self,
        options: ServeOptions,
        database: Database,
        lock: HubLock,
        access: Access,
        tls: Tls | None = None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._options, self._database, self._lock = options, database, lock
        self._access, self._tls = access, tls
        self._refusals = RefusalLog(clock, access.name_of)
        self._pool = ThreadPoolExecutor(_QUERY_THREADS, "hub query")
        self._runs = OpenRuns(database)
        self._writer = Writer(database, Poster(asyncio.get_running_loop()))
        self._attach_log, self._pin_log = AttachLog(clock), PinLog(clock)
        self._retention = Retention(
            database,
            self._writer,
            keep_days=options.keep_days,
            keep_runs=options.keep_runs,
            log_cap_bytes=options.log_cap_bytes,
        )
        self._ingest = Ingest(self._writer, access.user_of, self._attach_log, self._retention.wake)
        self._sessions = Sessions(clock)
        self._server: Server | None = None
        """None until it listens."""
        self.web: Web | None = None
        """The HTTP server; None until it listens, and if there is none."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """Starts listening. Returns the address for clients. Raises UsageError if it cannot listen there."""
        try:
            await asyncio.wrap_future(self._writer.run(registry.detach_all))
            # The file exists now; later checks compare its inode with this one.
            await asyncio.to_thread(self._lock.remember_file)
            services = self._services()
            server = self._server = await self._listen(services)
            if self._options.with_web:
                self.web = await open_web(
                    self._options, services, server, self._sessions, _SERVER_LIMITS.message_bytes
                )
                self._run_until_stop(PeerLimit(self.web.port).run())
            self._run_until_stop(self._retention.run())
            self._run_until_stop(SignatureUpdater(self._database, self._writer).run())
            self._run_until_stop(PeerLimit(server.port).run())
        except BaseException:
            await self._stop_servers()
            await self._close()
            raise
        return server.address

    async def wait_until_lost(self) -> None:
        """Returns when the hub has lost its database and must exit."""
        while await asyncio.to_thread(self._lock.is_held):  # noqa: ASYNC110 - there is no notification
            await asyncio.sleep(_LOCK_CHECK_INTERVAL_SECONDS)

    async def stop(self) -> None:
        """Accepts no more events, commits and acknowledges the rest, and ends; roots reconnect."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await asyncio.wait_for(self._ingest.close(), _CLOSE_SECONDS)
        except TimeoutError:
            log.warning(
                "the database did not commit within %d s: runs will resend unacknowledged events",
                _CLOSE_SECONDS,
            )
        await self._stop_servers()
        await self._close()

    async def _stop_servers(self) -> None:
        if self.web is not None:
            await self.web.stop()
        if self._server is not None:
            await self._server.stop(_GRACE_SECONDS)

    async def _close(self) -> None:
        # Joined on a thread, because it posts its results to this loop.
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._pool.shutdown)
        self._refusals.close()
        self._attach_log.close()
        self._pin_log.close()

    def _sign_in(self, token: str) -> hs.CreateSignInCodeResponse:
        """Returns a code with which a browser signs in. Raises PreconditionError if there is no page."""
        if self.web is None:
            raise PreconditionError("the hub serves no web page: start it without --no-web")
        return hs.CreateSignInCodeResponse(
            code=self._sessions.create_code(token), web_port=self.web.port, is_secure=self._tls is not None
        )

    def _run_until_stop(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts a task that runs until the hub stops."""
        task = asyncio.create_task(work)
        task.add_done_callback(_log_end)
        self._tasks.append(task)

    async def _listen(self, services: list[Service]) -> Server:
        options = self._options
        try:
            return await serve(
                services,
                address=options.address,
                authenticate=self._access.authenticate,
                tls=self._tls,
                refused=self._refusals,
                server_limits=_SERVER_LIMITS,
            )
        except UsageError as error:
            raise cannot_listen(options) from error

    def _services(self) -> list[Service]:
        return [
            parent_service(self._ingest, self._ingest.intake),
            Service(
                "gator.v1.QueryService",
                query_service_pb2_grpc.add_QueryServiceServicer_to_server,
                QueryServicer(self._runs.queries, self._pool),
            ),
            Service(
                "gator.v1.ControlService",
                control_service_pb2_grpc.add_ControlServiceServicer_to_server,
                HubControl(self._database, self._pool, self._access, self._ingest),
            ),
            Service(
                "gator.v1.HubService",
                hub_service_pb2_grpc.add_HubServiceServicer_to_server,
                HubServicer(
                    self._database,
                    self._writer,
                    self._access,
                    self._pool,
                    on_delete=self._retention.wake,
                    log=self._pin_log,
                    sign_in=self._sign_in,
                ),
            ),
        ]


def _log_end(task: asyncio.Task[None]) -> None:
    """Logs why a task ended that runs until the hub stops."""
    if not task.cancelled():
        log.error("a task of the hub ended: restart the hub", exc_info=task.exception())
