"""Receives the events of roots and commits them.

`handler` speaks the protocol, `writer` is the one thread that writes, `memory_budget` bounds the messages in
memory.

Invariant: an event is acknowledged only after its commit, and stored once.
"""
