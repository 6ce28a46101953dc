"""Resolves the names of dependencies to nodes, and finds dependencies that can never be met.

`references` resolves the names in `on_pass`, `on_fail` and `on_done` in the tree of a plan. `cycles` finds
nodes that wait for each other, and the edges between them.

Invariant: every problem of a spec is reported at once, with the position of its name in the spec.

Modules are imported by name, because a spec without dependencies needs no `cycles`.
"""
