"""Commands that read runs, in folders and on hubs.

Invariant: they change nothing, except that a dead run of this user is closed first.
"""
