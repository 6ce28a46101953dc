"""Tiers that live in daemons of their own: `daemons` is the end of the root, `service` that of the daemon.

Exports nothing, because a process needs only one of the ends.

Invariant: a tier whose daemon died continues in another daemon from the stores of those before.
"""
