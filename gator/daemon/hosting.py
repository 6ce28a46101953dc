"""The attempts and tiers that a daemon hosts for its parent, and the server for the clients of its jobs."""

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gator.clock import SystemClock
from gator.core.tokens import Audience, Tokens
from gator.daemon.attempts.executor import HostExecutor, Key
from gator.daemon.attempts.host import WrapperHost
from gator.daemon.attempts.host_context import WrapperContext
from gator.daemon.serving import ClientHandler
from gator.link.server import ATTACH, parent_service
from gator.link.uplink import Uplink
from gator.process.ownership.select import name_all
from gator.process.reaper import Reaper
from gator.rpc.address import socket_address
from gator.rpc.server import serve
from gator.scheduler.request import DaemonParameters
from gator.store import Store
from gator.v1 import attach_pb2, event_pb2

if TYPE_CHECKING:
    from gator.daemon.tiers.service import TierService

ADOPTED_GRACE_SECONDS = 1.0
"""Time between TERM and KILL for orphans that are left when a daemon has no more to do."""


class Hosting:
    """Hosts attempts or tiers from the Welcome of the parent to the end of the daemon."""

    def __init__(
        self,
        parameters: DaemonParameters,
        context: attach_pb2.RunContext,
        store: Store,
        reaper: Reaper,
        uplink: Uplink,
        environment: dict[str, str],
    ) -> None:
        self._uplink = uplink
        self._tokens = Tokens(bytes.fromhex(parameters.key))
        address = socket_address(f"{parameters.run[:16]}-{parameters.daemon}", environment)
        loop = asyncio.get_running_loop()
        self._host = WrapperHost(
            loop,
            store,
            reaper,
            WrapperContext(
                run=context,
                host=os.uname().nodename,
                environment=environment,
                launch_dir=str(Path.cwd()),
                token=partial(self._tokens.make, Audience.JOB),
                daemon=parameters.daemon,
                parent=address,
            ),
            on_started=self._on_started,
            on_finished=self._on_finished,
            on_late_wake=self._on_late_wake,
        )
        self._executor = HostExecutor(self._host, self._on_recalled)
        self._clients = ClientHandler(self._host, self._tokens)
        self._finishing: asyncio.Task[None] | None = None
        self._tiers = _make_tiers(context, store, self._host, uplink) if parameters.role == "tier" else None
        self._serving = loop.create_task(
            serve([parent_service(self._clients)], address=address, authenticate=self._authenticate)
        )

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        """Carries out a message of the parent."""
        if message.WhichOneof("message") == "drain":
            self._host.drain(self._on_idle)
        elif self._tiers is not None:
            self._tiers.on_message(message)
        else:
            self._executor.send(message)

    async def stop_serving(self) -> None:
        """Ends the server for clients."""
        await (await self._serving).stop()

    async def end_adopted(self) -> str:
        """Ends orphans that belong to no known job. Returns their names; empty if there are none."""
        ended = await self._host.end_adopted(ADOPTED_GRACE_SECONDS)
        return name_all(ended.processes) if ended.processes else ""

    def _on_recalled(self, keys: Sequence[Key]) -> None:
        attempts = [attach_pb2.AttemptRef(path=path, attempt=attempt) for path, attempt in keys]
        self._uplink.send(attach_pb2.AttachRequest(recalled=attach_pb2.Recalled(attempts=attempts)))

    def _on_started(self, path: str, attempt: int) -> None:
        if self._tiers is not None:
            self._tiers.on_started(path, attempt)

    def _on_finished(self, path: str, attempt: int, end: event_pb2.AttemptFinished) -> None:
        self._clients.forget(path, attempt)
        if self._tiers is not None:
            self._tiers.on_finished(path, attempt, end)

    def _on_late_wake(self, stood_still: int) -> None:
        late = attach_pb2.LateWake(stood_still_nanos=stood_still)
        self._uplink.send(attach_pb2.AttachRequest(late_wake=late))

    def _on_idle(self) -> None:
        self._finishing = asyncio.create_task(self._uplink.finish())

    def _authenticate(self, method: str, token: str) -> None:
        # The Hello of an Attach says what its token must authorise, so its handler checks it.
        if method != ATTACH:
            self._tokens.check(token, Audience.CONTROL)


def _make_tiers(
    context: attach_pb2.RunContext, store: Store, host: WrapperHost, uplink: Uplink
) -> "TierService":
    # A third of what a daemon imports, and only some need it.
    from gator.daemon.tiers.service import TierService

    return TierService(context, store, host, uplink, SystemClock())
