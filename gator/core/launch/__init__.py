"""Decisions of a launch from its plan, command line and environment.

Invariant: pure; the same inputs give the same answer for `gator run`, `plan` and `check`.
"""
