"""Computes signatures of failures in the background, from their inputs or from the stored output.

Invariant: each piece is a small transaction of the one writer, so new events never wait long. After a crash
it continues where it was.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from logging import getLogger
from typing import TypeVar

from msgspec import Struct

from gator.core.causes.signature import VERSION, is_current
from gator.errors import GatorError, StoreError
from gator.store.signing import Signed, signed_node
from gator.units import plural
from gator.v1 import query_pb2
from gator_hub.database.database import Database
from gator_hub.ingest.writer import Writer
from gator_hub.queries.reader import HubReader
from gator_hub.queries.stale import Stale, all_runs, is_signed, runs_to_sign, stale_failures

Answer = TypeVar("Answer")

SCAN_INTERVAL_SECONDS = 10.0
"""Interval in seconds of searches for failures that arrived with signatures of another version."""
_REST_SECONDS = 0.01

_log = getLogger("gator.hub")


class _SignedNode(Struct, frozen=True):
    """A failure and its new signature."""

    stale: Stale
    signed: Signed


class SignatureUpdater:
    """Updates the failures of a hub to signatures of the current version."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database, self._writer = database, writer

    async def run(self) -> None:
        """Updates the stored failures, and then those that arrive, until it is cancelled."""
        while True:
            try:
                await self.scan()
            except GatorError as error:
                _log.warning("no signatures could be updated: %s", error)
            except Exception:  # A defect in one round must not end all later rounds.
                _log.exception("no signatures could be updated: a fault of the hub")
            await asyncio.sleep(SCAN_INTERVAL_SECONDS)

    async def scan(self) -> None:
        """Updates all failures that do not have a signature of this version yet."""
        if not await self._read(is_signed):
            await self._update_stored()
        for number in await self._read(runs_to_sign):
            await self._update_run(number)

    async def _update_stored(self) -> None:
        runs = await self._read(all_runs)
        count = 0
        for number in runs:
            count += await self._update_run(number)
        await asyncio.wrap_future(self._writer.run(_record_version))
        if count:
            _log.info(
                "updated the signatures of %s in %s to version %s",
                plural(count, "failure"),
                plural(len(runs), "run"),
                VERSION,
            )

    async def _update_run(self, number: int) -> int:
        """Updates the failures of a run. Returns their number."""
        reader = HubReader(self._database, number)
        after, count = "", 0
        while True:
            stale = await asyncio.to_thread(stale_failures, self._database, number, after)
            if not stale:
                return count
            signed = await asyncio.to_thread(_sign, reader, stale)
            await asyncio.wrap_future(self._writer.run(partial(_store, run=number, signed=signed)))
            after = stale[-1].node.path
            count += len(stale)
            await asyncio.sleep(_REST_SECONDS)

    async def _read(self, read: Callable[[Database], Answer]) -> Answer:
        return await asyncio.to_thread(read, self._database)


def _record_version(database: Database) -> None:
    signing = database.models.signing
    database.run(signing.delete())
    database.run(signing.insert(version=VERSION))


def _sign(reader: HubReader, stale: Sequence[Stale]) -> list[_SignedNode]:
    return [_SignedNode(one, _signed(reader, one.node)) for one in stale]


def _signed(reader: HubReader, node: query_pb2.Node) -> Signed:
    if is_current(node.signature):
        return Signed(node.signature, None)
    try:
        return signed_node(reader, node)
    except StoreError as error:
        # It keeps its signature, or it would be tried again and again.
        _log.warning("%s keeps the signature %s: %s", node.path, node.signature, error)
        return Signed(node.signature, None)


def _store(database: Database, run: int, signed: Sequence[_SignedNode]) -> None:
    """Stores signatures of failures of a run, and what their former ones have become."""
    nodes, former = database.models.nodes, database.models.former_signatures
    causes = database.models.failed_tests
    pairs: set[tuple[str, str]] = set()
    for one in signed:
        values: dict[str, object] = {"own_signature": one.signed.signature}
        if one.signed.first_error is not None:
            values["first_error"] = one.signed.first_error.SerializeToString()
        tests = one.signed.failed_tests
        if one.stale.node.HasField("failed_tests") or tests is not None:
            values["failed_tests"] = tests.SerializeToString() if tests is not None else None
            database.run(causes.delete().where(causes.run == run, causes.path == one.stale.node.path))
        for test in tests.list if tests is not None else ():
            row = {"run": run, "path": one.stale.node.path, "signature": test.signature}
            database.run(causes.insert(row).on_conflict_ignore())
        database.run(nodes.update(values).where(nodes.run == run, nodes.path == one.stale.node.path))
        names = {one.stale.own, one.stale.node.signature} - {"", one.signed.signature}
        pairs.update((name, one.signed.signature) for name in names)
    for name, signature in sorted(pairs):
        database.run(former.insert(former=name, signature=signature).on_conflict_ignore())
