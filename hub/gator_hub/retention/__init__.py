"""Removes old runs and trims very long logs.

Invariant: all removals are small transactions of the one writer.
"""
