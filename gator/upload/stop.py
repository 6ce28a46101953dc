"""Forwards a stop from a hub to the root of the run, through the server of the root.

Invariant: a stop that cannot be delivered is reported on stderr and never ends the upload.
"""

import asyncio
import sys

import grpc

from gator.errors import GatorError, UnavailableError, UserError
from gator.rpc import status
from gator.rpc.channel import bearer, open_channel
from gator.run_folder import RunFolder
from gator.v1 import attach_pb2, control_service_pb2_grpc
from gator.v1 import control_service_pb2 as cs

LISTEN_SECONDS = 5.0
"""Timeout in seconds for a root that has just started to listen."""
_ANSWER_SECONDS = 10.0


class StopForwarder:
    """Forwards stops to the root of one run."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._tasks: set[asyncio.Task[None]] = set()

    def pass_on(self, stop: attach_pb2.Stop) -> None:
        """Starts to deliver a stop; returns at once."""
        task = asyncio.get_running_loop().create_task(self._deliver(stop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Stops delivering."""
        for task in self._tasks:
            task.cancel()

    async def _deliver(self, stop: attach_pb2.Stop) -> None:
        try:
            address, token = await self._control()
            request = cs.StopRequest(path=stop.path, mode=stop.mode, message=stop.message)
            async with open_channel(address) as channel:
                stub = control_service_pb2_grpc.ControlServiceStub(channel)
                await stub.Stop(request, metadata=bearer(token), timeout=_ANSWER_SECONDS)
        except grpc.RpcError as error:
            sys.stderr.write(f"a stop from the hub was refused: {status.error_of_call(error)}\n")
        except (GatorError, UserError) as error:
            sys.stderr.write(f"a stop from the hub cannot be delivered: {error}\n")

    async def _control(self) -> tuple[str, str]:
        end = asyncio.get_running_loop().time() + LISTEN_SECONDS
        while (control := self._folder.read_control()) is None:
            if asyncio.get_running_loop().time() > end:
                raise UnavailableError(f"the run in {self._folder.path} is not ready: retry later")
            await asyncio.sleep(0.05)
        return control
