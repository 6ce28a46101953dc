"""Uploads one run to a hub: one stream after another, until the hub has all of it.

Invariant: the upload keeps no positions. The hub names its positions on each stream, so a broken stream, a
restart of either side and a second upload of the same run are handled alike.
"""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from gator import __version__
from gator.errors import (
    GatorError,
    ProtocolError,
    StoreError,
    UnauthenticatedError,
    UnavailableError,
    UnknownCallError,
    UserError,
)
from gator.hub_access.address import HubAccess, why_away
from gator.link.stream import end_tasks
from gator.link.uplink import Uplink
from gator.rpc.channel import open_channel
from gator.runtime import diagnostics
from gator.upload.backoff import Backoff, Timeouts
from gator.upload.lag import Lag
from gator.upload.protocol import UploadState, UploadStatus
from gator.upload.stop import StopForwarder
from gator.upload.stores import UploadedRun
from gator.v1 import attach_pb2

POLL_SECONDS: Final = 0.05
"""Interval of polls of the stores in seconds; longer if a poll takes long."""
BUSY_POLL_SECONDS: Final = 0.1
"""Interval of polls in seconds while there are many events, which are then sent together."""
BUSY_EVENTS: Final = 50
"""Number of events per poll that counts as many."""
FIRST_POLL_SECONDS: Final = 0.01
"""Interval of polls for the start of a run, in seconds."""
_MAX_SHARE = 20
"""Polls take at most one part in this number of the time."""

OnStatus = Callable[[UploadStatus], None]


class Upload:
    """The upload of one run.

    `access` is called before each dial and raises UsageError if the address or token is unknown;
    `on_status` is called with each change of status.
    """

    def __init__(
        self,
        stores: UploadedRun,
        access: Callable[[], HubAccess],
        on_status: OnStatus,
        timeouts: Timeouts | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._stores, self._access, self._on_status = stores, access, on_status
        self._timeouts = timeouts or Timeouts()
        self._backoff = backoff or Backoff(self._timeouts)
        self._over = asyncio.Event()
        self._id = secrets.token_hex(8)
        self._log = diagnostics.logger("upload")
        self._status = UploadStatus(UploadState.AWAY)
        self._has_reported = False

    def end(self) -> None:
        """Ends the upload once the hub has all present events, because the run has ended."""
        self._over.set()

    async def run(self) -> UploadStatus:
        """Uploads until the hub has everything after `end`, or the upload has failed for good.

        Returns the last status, which was also passed to `on_status`: DONE, REFUSED, UNAUTHENTICATED or
        FAILED.
        """
        try:
            await self._wait_for_root()
        except StoreError as error:
            return self._set_status(UploadState.FAILED, str(error))
        while True:
            has_ended = self._over.is_set()
            stream = _Stream(self._stores, self._set_status, self._timeouts)
            try:
                await stream.run(self._access(), self._hello(), self._over)
                return self._set_status(UploadState.DONE)
            except (GatorError, UserError) as error:
                if self._stores.fault:
                    return self._set_status(UploadState.FAILED, self._stores.fault)
                if stream.dialled and isinstance(error, UnauthenticatedError):
                    return self._set_status(UploadState.UNAUTHENTICATED, str(error))
                if stream.dialled and isinstance(error, UserError | ProtocolError):
                    return self._set_status(UploadState.REFUSED, str(error))
                self._set_status(UploadState.AWAY, _why(error, secure=stream.secure), after_end=has_ended)
            pause = self._backoff.after(useful=stream.useful)
            if has_ended:
                await asyncio.sleep(pause)
            else:
                # The first dial after the end of the run is immediate, because the hub may be back by then.
                await _pause(pause, self._over)

    async def _wait_for_root(self) -> None:
        """Waits for the first event, which completes the description; an ended run may have none."""
        self._stores.open_new()
        while not (self._stores.has_begun or (self._over.is_set() and self._stores.opened)):
            await asyncio.sleep(FIRST_POLL_SECONDS)
            self._stores.open_new()

    def _hello(self) -> attach_pb2.Hello:
        root = self._stores.opened[0]
        return attach_pb2.Hello(
            role=attach_pb2.ROLE_ROOT,
            id=self._id,
            host=os.uname().nodename,
            pid=os.getpid(),
            store=root.id,
            version=__version__,
            run=root.run,
            description=self._stores.describe(),
            run_key=self._stores.key(),
        )

    def _set_status(self, state: UploadState, why: str = "", *, after_end: bool = False) -> UploadStatus:
        """Passes a status on if it is new."""
        status = UploadStatus(state, why, after_end)
        known = (self._status.state, self._status.after_end) if self._has_reported else None
        if known != (state, after_end):
            self._status, self._has_reported = status, True
            if self._log is not None:
                self._log.info("the hub is %s%s", state.value, f": {why}" if why else "")
            self._on_status(status)
        return status


class _Pulse(Struct):
    """The time of the last expected answer of the hub."""

    at: float
    acks: int = 0
    subscriptions: int = 0


class _Stream:
    """One stream to a hub, from its Hello to its end."""

    def __init__(self, stores: UploadedRun, set_status: Callable[..., object], timeouts: Timeouts) -> None:
        self._stores, self._set_status, self._timeouts = stores, set_status, timeouts
        self._loop = asyncio.get_running_loop()
        self._stop_forwarder = StopForwarder(stores.folder)
        self._lost: Exception | None = None
        self.dialled = False
        """Whether address and token were known, so that a refusal comes from the hub."""
        self.secure = False
        """Whether the stream uses TLS."""
        self._lag = Lag()
        self._welcome = asyncio.Event()
        self._welcomed_at = 0.0
        self.useful = False
        """Whether the hub answered for a while or kept events, so that it is dialled again at once."""
        self._expected_subscriptions = 1
        """Number of subscriptions that the hub has announced."""

    @property
    def welcomed(self) -> bool:
        """Whether the hub has answered."""
        return self._welcome.is_set()

    async def run(self, access: HubAccess, hello: attach_pb2.Hello, over: asyncio.Event) -> None:
        """Serves the hub until it has everything and the run has ended. Raises an earlier error."""
        self.dialled, self.secure = True, access.ca is not None
        channel = open_channel(access.address, access.ca)
        uplink = Uplink(access.address, hello, access.token, None, self, channel=channel)
        for store in self._stores.opened:
            uplink.add_store(store.id, store)
        serving = self._loop.create_task(uplink.run())
        polling = self._loop.create_task(self._poll_stores(uplink, over))
        try:
            await asyncio.wait({serving, polling}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                # It ends first only after an error or when all is sent.
                await polling
            await serving
        finally:
            seconds = self._loop.time() - self._welcomed_at if self.welcomed else 0.0
            self.useful = uplink.acks > 0 or seconds > self._timeouts.max_pause
            await end_tasks(serving, polling)
            self._stop_forwarder.close()
            await channel.close()
        if self._lost is not None:
            # A reference cycle of the error and its frames would keep the connection open.
            lost, self._lost = self._lost, None
            try:
                raise lost
            finally:
                del lost

    # -- from the hub

    def on_welcome(self, welcome: attach_pb2.Welcome) -> None:
        """Handles the Welcome of the hub."""
        self._welcomed_at = self._loop.time()
        self._expected_subscriptions = max(welcome.subscriptions, 1)
        self._welcome.set()
        self._set_status(UploadState.CONNECTED)

    def on_message(self, message: attach_pb2.AttachResponse) -> None:
        """Forwards a stop to the root; a hub that drains ends the stream itself."""
        if message.WhichOneof("message") == "stop":
            self._stop_forwarder.pass_on(message.stop)

    def on_lost(self, error: Exception) -> None:
        """Handles a premature end of the stream."""
        self._lost = error

    # -- from the stores

    async def _poll_stores(self, uplink: Uplink, over: asyncio.Event) -> None:
        pulse = _Pulse(self._loop.time())
        while True:
            # Read first, because later events need not be polled for.
            is_over = over.is_set()
            now = self._loop.time()
            for store in self._stores.open_new():
                uplink.add_store(store.id, store)
            brought = self._stores.poll()
            if brought:
                uplink.on_commit()
            cost = self._loop.time() - now
            self._check(uplink, pulse, now)
            self._lag.note(brought, now, now - pulse.at)
            if is_over and self.welcomed:
                break
            pause = BUSY_POLL_SECONDS if brought >= BUSY_EVENTS else POLL_SECONDS
            # The run has ended, so only the acks of the hub are missing.
            await _pause(max(pause, _MAX_SHARE * cost), self._welcome if is_over else over)
        finishing = self._loop.create_task(uplink.finish())
        try:
            while not finishing.done():
                now = self._loop.time()
                self._check(uplink, pulse, now)
                self._lag.note(0, now, now - pulse.at)
                await asyncio.wait({finishing}, timeout=POLL_SECONDS)
        finally:
            await end_tasks(finishing)

    def _check(self, uplink: Uplink, pulse: _Pulse, now: float) -> None:
        """Checks the progress of the hub. Raises UnavailableError if it does not answer."""
        moved = uplink.acks != pulse.acks or uplink.subscriptions != pulse.subscriptions
        owes = not self.welcomed or uplink.subscriptions < self._expected_subscriptions or uplink.awaits_ack
        if moved or not owes:
            pulse.at, pulse.acks, pulse.subscriptions = now, uplink.acks, uplink.subscriptions
            if self.welcomed:
                self._set_status(UploadState.CONNECTED)
        elif not self.welcomed and now - pulse.at > self._timeouts.welcome:
            raise UnavailableError(f"no answer for {self._timeouts.welcome:.0f}s")
        elif self.welcomed and now - pulse.at > self._timeouts.stalled:
            self._set_status(UploadState.AWAY, f"it has taken nothing for {self._timeouts.stalled:.0f}s")


async def _pause(seconds: float, until: asyncio.Event) -> None:
    """Waits for a time or the next event of the stream."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), seconds)


def _why(error: Exception, *, secure: bool) -> str:
    """Returns why a hub is unreachable, for people."""
    if isinstance(error, UnknownCallError):
        return f"no hub listens there, or one of another version: check the address ({error})"
    return why_away(str(error), secure=secure) if isinstance(error, UnavailableError) else str(error)
