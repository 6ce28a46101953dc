"""Commands that read specs.

Invariant: they start nothing and write nothing.
"""
