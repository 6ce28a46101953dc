"""A hub as its user starts it."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing

from tests.acceptance.support import Gator, Running, until
from tests.component.upload.fakes import free_port


class RealHub:
    """A hub of the test's user, started and ended at will."""

    def __init__(self, gator: Gator) -> None:
        self._gator = gator
        self.data = gator.root / "data"
        self.address = f"localhost:{free_port()}"
        self.env = {"XDG_DATA_HOME": str(self.data)}
        self.process: Running | None = None

    def start(self, *args: str) -> Running:
        port = self.address.rpartition(":")[2]
        process = self.process = self._gator.start(
            "hub", "serve", "-P", port, "--web-port", "0", *args, env=self.env
        )
        until(lambda: "send a run" in process.text(), "a hub that listens")
        return process

    def command(self, *args: str | int, env: Mapping[str, str] | None = None) -> Running:
        """`gator ARGS --hub` this hub."""
        return self._gator.start(*args, "--hub", self.address, env={**self.env, **(env or {})})

    def places(self) -> dict[str, list[int]]:
        """The numbers of all events it has by the id of their store, those that were never there left out."""
        with closing(sqlite3.connect(self.data / "gator" / "hub" / "hub.db")) as database:
            rows = database.execute(
                "SELECT store, place & ((1 << 36) - 1) FROM events JOIN stores ON stores.id = place >> 36"
                " ORDER BY place"
            ).fetchall()
        found: dict[str, list[int]] = {}
        for store, seq in rows:
            found.setdefault(store, []).append(seq)
        return found
