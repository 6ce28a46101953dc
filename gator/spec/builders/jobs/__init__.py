"""Reads keys of nodes whose values have a form of their own, each in a module with the name of its key.

`artefacts` and `resources` are keys of jobs, `matrix` is one of arrays; any node may have `expect`,
`params` and `runner`. Values of plain types are read by `builders.scalars` and `builders.settings`.

Invariant: a reader reports problems to its context and returns the message of its key, or what could be
read of it; it changes no other key of the node.

Modules are imported by name, by `builders.nodes` and `builders.settings`.
"""
