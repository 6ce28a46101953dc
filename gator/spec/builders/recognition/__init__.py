"""Reads the keys that say what is recognised in output: parsers, problem matchers, metrics and causes.

`parsers` reads the parsers of a level and files with one. `matchers` reads the problem matchers of VS Code
and GitHub, whose patterns `regexp` converts from JavaScript; `named_matchers` has those with a well-known
name. `metrics` and `causes` read the keys of these names.

Invariant: each pattern in a message that is returned without a problem is one that RE2 accepts.

Modules are imported by name: most specs need none of the problem matchers.
"""
