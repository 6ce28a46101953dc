"""Selects the part of a spec that a run consists of.

`globs` parses and matches patterns of paths as the command line has them, such as `sim/*[3..5]`. `select`
applies them with tags and exclusions to the tree of a plan, and adds what the selected nodes wait for.

Invariant: a node is selected together with everything that it waits for.

Modules are imported by name.
"""
