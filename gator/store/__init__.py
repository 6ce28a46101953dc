"""Keeps what happened: one SQLite file per daemon, written by one thread and read by any process.

Invariant: a store is the log itself. Everything else is a filter and a position over it.
"""

from gator.store.blocks import decode as decode_block
from gator.store.connection import seal
from gator.store.reader import Reader, Slice
from gator.store.run.reader import RunReader
from gator.store.store import Store

__all__ = ["Reader", "RunReader", "Slice", "Store", "decode_block", "seal"]
