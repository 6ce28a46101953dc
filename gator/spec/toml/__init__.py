"""TOML text to nodes with positions, as those of YAML, so that both are read by the same functions.

Invariant: any text gives a node or one Problem.
"""
