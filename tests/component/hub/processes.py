"""Real hubs as processes, each with a user's data folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from gator.hub_access import address as hub_address

ROOT = Path(__file__).parents[3]
SECONDS = 30.0


def wait_for(condition: Callable[[], object]) -> None:
    """Returns when a condition holds; fails after a while."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


class Keeper:
    """A user who keeps hubs: an environment whose data folder is in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data" / "gator" / "hub"
        path = [str(ROOT), str(ROOT / "hub"), os.environ.get("PYTHONPATH", "")]
        hidden = (*hub_access_variables(), "PGPASSWORD", "PGPASSFILE")
        self.environ = {
            **{name: value for name, value in os.environ.items() if name not in hidden},
            "XDG_DATA_HOME": str(folder / "data"),
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(part for part in path if part),
        }

    @property
    def token(self) -> str:
        return hub_address.resolve("localhost", self.environ).token

    def call(self, *args: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the hub to its end."""
        return subprocess.run(
            [sys.executable, "-m", "gator_hub", *args],
            env={**self.environ, **environ},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    @contextmanager
    def hub(self, *args: str, starter: str = "", **environ: str) -> "Generator[Hub]":
        """A hub that listens; killed at the end, if it still lives.

        `starter` is Python that the process runs before it becomes the hub.
        """
        hub = Hub(self, args, environ, starter)
        try:
            hub.wait_until_it_listens()
            yield hub
        finally:
            hub.kill()


def hub_access_variables() -> Sequence[str]:
    """What would lead to a real hub of who runs the tests."""
    return [name for name in os.environ if name.startswith("GATOR_")]


class Hub:
    """One process that serves."""

    def __init__(
        self, keeper: Keeper, args: Sequence[str], environ: dict[str, str], starter: str = ""
    ) -> None:
        self.keeper = keeper
        prefix = (sys.executable, "-c", f"{starter}; os.execvp(sys.argv[1], sys.argv[1:])") if starter else ()
        port = () if "--port" in args else ("--port", "0")
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "gator_hub", *port, *args],
            env={**keeper.environ, **environ},
            cwd=keeper.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.greeting: list[str] = []
        self.log: list[str] = []
        self._readers = [
            Thread(target=lambda: self.greeting.extend(iter(self._out.readline, ""))),
            Thread(target=lambda: self.log.extend(iter(self._err.readline, ""))),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def _out(self) -> Any:
        return self.process.stdout

    @property
    def _err(self) -> Any:
        return self.process.stderr

    def wait_until_it_listens(self) -> None:
        wait_for(lambda: any("Ctrl-C" in line for line in self.greeting) or self.process.poll() is not None)
        assert self.process.poll() is None, "".join(self.log)

    @property
    def address(self) -> str:
        return self.greeting[0].rpartition("//")[2].strip()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def logged(self, words: str) -> list[str]:
        """The lines of its log with these words."""
        return [line for line in self.log if words in line]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it by a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        self._out.close()
        self._err.close()


def grpcurl(address: str, *words: str, token: str = "", data: str = "") -> Any:
    """What grpcurl says: the answer as values, or its error as text."""
    options = ["-plaintext", *(("-H", f"authorization: Bearer {token}") if token else ())]
    options += ["-d", data] if data else []
    done = subprocess.run(
        ["grpcurl", *options, address, *words], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout.split()
