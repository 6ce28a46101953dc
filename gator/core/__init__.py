"""Decisions as plain state machines and functions: trees, dispatch, attempts, launches, history.

Invariant: no I/O, no asyncio, no clock and no threads. Inputs are calls, outputs are data, the time is an
argument; import-linter holds this.
"""
