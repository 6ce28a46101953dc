"""The commands, one module each; CONTRIBUTING.md describes how to add one.

Invariant: a command is imported only when it is called or completed.
"""
