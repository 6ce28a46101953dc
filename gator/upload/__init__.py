"""Uploads a run to a hub, in a process of its own beside the root.

Invariant: a run never waits for its upload, and never fails because of it.
"""
