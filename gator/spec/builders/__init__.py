"""Builds `Spec` messages from YAML nodes, with all checks that concern single nodes.

Invariant: a value with a problem is left out and building continues, so that all problems are reported.
Private to `gator.spec`: use `gator.spec.load`.
"""
