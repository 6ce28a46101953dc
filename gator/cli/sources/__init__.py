"""Opens the run that a command is about: its folder, its live root, or a hub.

`open_run` in `open` yields an `OpenRun`: the queries about the run, and its `RunSource`, for what differs
between a folder and a hub. `options` has the options that name a run and a node.

Invariant: commands get the same answers from folders, live roots and hubs.
"""
