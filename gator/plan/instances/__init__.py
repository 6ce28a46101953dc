"""Determines the values of one instance of a node: its job, its seed, its sort key and its inputs.

`jobs` fills in the `${{ }}` of a job, `seeds` derives seeds, `sort_keys` makes the keys that sort
instances, and `inputs` names the jobs whose values and artefacts an attempt gets.

Invariant: pure; an instance has the same values in every daemon, whichever instances exist.

Modules are imported by name.
"""
