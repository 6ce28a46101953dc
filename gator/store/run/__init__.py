"""The record of one run: the stores in its folder, read together.

Invariant: reading never changes a folder; the record of a dead run is completed in memory.
"""
