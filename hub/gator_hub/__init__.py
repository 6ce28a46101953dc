"""The hub: a server that keeps the runs of many users and answers queries about them.

Invariant: the hub starts no jobs and imports no command of gator; it never invents a Result.
"""
