"""A hub in its own process, whose memory is measured."""

import os
import signal
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from grpc import aio

from gator.hub_access import address as hub_address
from gator.rpc.channel import bearer


class Hub:
    """A hub in its own process."""

    def __init__(self, python: str, url: str, folder: Path) -> None:
        self.folder = folder
        self._environ = {**os.environ, "XDG_DATA_HOME": str(folder), "HOME": str(folder)}
        self._log = (folder / "hub.log").open("wb")
        self._process = subprocess.Popen(
            [python, "-m", "gator_hub", "serve", "--port", "0", "--db", url],
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=folder,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        self.address = line.split("://")[-1].strip()
        access = hub_address.resolve(self.address, self._environ)
        self.metadata = bearer(access.token)

    @asynccontextmanager
    async def channel(self) -> AsyncGenerator[aio.Channel]:
        """Returns a channel for one client, without a limit on the size of messages."""
        options = (
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
        )
        async with aio.insecure_channel(self.address, options=options) as channel:
            yield channel

    def peak_mb(self) -> int:
        """Returns the peak of its resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    def close(self) -> None:
        """Stops the hub."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._log.close()
        if os.environ.get("SHOW"):
            print((self.folder / "hub.log").read_text()[-3000:])
