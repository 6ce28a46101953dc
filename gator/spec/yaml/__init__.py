"""YAML text to nodes with positions, and explanations of YAML errors.

Invariant: no object is constructed from YAML; a scalar stays the text as written.
"""
