"""The output of an attempt: its lines, what is recognised in them, and how much of it is stored.

Invariant: results depend on what was written, not on how it was cut into reads.
`output.Output` is the entrance; `observers` is where recognition of output is added.
"""
