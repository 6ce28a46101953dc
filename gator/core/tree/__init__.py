"""The tree of a run: decides which nodes start, folds Results upwards and closes nodes.

Invariant: every declared node gets exactly one Result, whatever dies in between.
`tree.Tree` is the entrance; `actions` has what it asks for. Modules are imported by name, because a wrapper's
daemon needs none of them and a single job few.
"""
