"""Computes signatures of the hub's own version for its failures, whichever version recorded them.

Invariant: what a run recorded is never changed; the signature of this hub is a column of its own.
"""
