"""Builds `Spec` messages from YAML nodes, with all checks of single nodes."""
