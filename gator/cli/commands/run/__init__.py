"""Commands that start, stop, close and remove runs, and those for the scripts of jobs.

Invariant: none of them touches a live run without being asked for it.
"""
