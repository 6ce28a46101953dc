"""Answers queries about the runs of the hub.

`reader` implements the port of `gator.query` for one run; the other modules answer queries about many runs.
"""
