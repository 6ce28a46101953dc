"""A hub's database with runs in it, brought there by the real writer."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from gator.event_kinds import BULK_KINDS, FIELD_OF_KIND
from gator.store.run.description import description_of
from gator.store.run.stores import RunStores
from gator.v1 import attach_pb2, event_pb2, query_pb2
from gator_hub.database.database import Database
from gator_hub.ingest import registry
from gator_hub.ingest.commit import Work
from gator_hub.ingest.stores import Lane
from gator_hub.ingest.writer import Writer

Answer = TypeVar("Answer")

_BULK = {FIELD_OF_KIND[kind] for kind in BULK_KINDS}


class FilledHub:
    """A database and its writer."""

    def __init__(self, url: str) -> None:
        self.database = Database.open(url)
        self.writer = Writer(self.database, lambda call: call())
        self._seqs: dict[str, int] = {}

    def close(self) -> None:
        self.writer.close()
        self.database.close()

    def do(self, call: Callable[[Database], Answer]) -> Answer:
        """Something in a transaction of its own."""
        return self.writer.run(call).result(30)

    def register(self, description: attach_pb2.RunDescription, store: str, owner: str = "ada") -> int:
        """Make a run known; the number of its row."""
        hello = attach_pb2.Hello(
            role=attach_pb2.ROLE_ROOT, run=description.run.id, store=store, description=description
        )
        return self.do(lambda database: registry.register(database, hello, owner)).id

    def detach(self, run: int) -> None:
        ((name,),) = self.database.query("SELECT run FROM runs WHERE id = ?", (run,))
        self.do(lambda database: registry.detach(database, name))

    def put(
        self,
        run: int,
        root: str,
        store: str,
        events: Sequence[event_pb2.Event],
        lanes: Sequence[Lane] = tuple(Lane),
    ) -> None:
        """Keep events of a store that have their sequence numbers already."""
        through = events[-1].seq
        for lane in lanes:
            of_lane = [
                event for event in events if (event.WhichOneof("payload") in _BULK) == (lane is Lane.BULK)
            ]
            batch = attach_pb2.Batch(store=store, after=events[0].seq - 1, through=through, events=of_lane)
            done = threading.Event()
            errors: list[Exception | None] = []

            def then(
                error: Exception | None, done: threading.Event = done, errors: list[Exception | None] = errors
            ) -> None:
                errors.append(error)
                done.set()

            self.writer.put(Work(run, root, lane, batch, batch.ByteSize(), then))
            assert done.wait(30)
            assert errors == [None]

    def append(self, run: int, root: str, store: str, *events: event_pb2.Event) -> None:
        """Keep further events of a store, numbered as they come."""
        for event in events:
            event.seq = self._seqs[store] = self._seqs.get(store, 0) + 1
        self.put(run, root, store, events)

    def import_folder(self, folder: Path, owner: str = "ada", started: int = 1) -> int:
        """Bring in the record of a run's folder; the number of its row."""
        files = RunStores.open(folder)
        try:
            description = description_of(files.root, folder)
            description.run.started_unix_nanos = started
            run = self.register(description, files.root.store_id, owner)
            for store, reader in files.readers().items():
                # A daemon that got no job has written nothing.
                if events := reader.read(0).events:
                    self.put(run, description.run.ident, store, events)
        finally:
            files.close()
        self.detach(run)
        return run


def described(
    run: str, ident: str = "top", started: int = 1, labels: Mapping[str, str] | None = None, **said: object
) -> attach_pb2.RunDescription:
    """What a root says of its run."""
    about = query_pb2.Run(
        id=run,
        ident=ident,
        started_unix_nanos=started,
        labels=labels,
        **said,  # pyright: ignore[reportArgumentType] - fields by their names
    )
    return attach_pb2.RunDescription(run=about)
