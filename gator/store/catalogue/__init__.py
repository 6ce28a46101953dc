"""The catalogue of a store: the current state of nodes, attempts and metrics, derived from events.

`columns` describes each row once; tables, upserts and messages follow from it. `changes` turns events into
changes of rows, the same for a live run, for recovery and for a hub.
"""
