"""Nodes of a live run that have not started: which they are, and what each waits for.

`waiting` lists nodes that cannot start yet and what they wait for, `unstarted` those that were not declared
yet, and `explain` answers why one of them has not started.

Invariant: answers come from the record alone, so a folder and a hub give the same ones.

`queries` imports these modules by name, when a request needs them.
"""
