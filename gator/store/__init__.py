"""Stores the events of a run: one SQLite file per daemon, written by one thread, read by any process.

Invariant: a store is the log itself. Everything else is a filter and a position over it.
"""

from gator.store.blocks import decode as decode_block
from gator.store.connection import seal
from gator.store.reader import Slice, StoreReader
from gator.store.run.stores import RunStores
from gator.store.store import Store
from gator.store.untrusted import check_files

__all__ = [
    "RunStores",
    "Slice",
    "Store",
    "StoreReader",
    "check_files",
    "decode_block",
    "seal",
]
