"""Gives all failures of a hub signatures of its own version: those of its past, and those of other versions.

Invariant: what a run recorded is never changed; the signature of this hub is a column of its own.
"""
