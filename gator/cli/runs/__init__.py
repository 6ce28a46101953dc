"""Finds runs by name, in folders and on hubs, and opens the queries about a run.

Invariant: a name means the same run in every command.
"""
