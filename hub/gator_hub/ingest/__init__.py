"""Receives the events of roots and commits them.

`handler` implements the protocol, `writer` owns the only thread that writes, `memory_budget` limits the
memory of messages.

Invariant: an event is acknowledged only after its commit, and stored once.
"""
