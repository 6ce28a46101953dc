"""YAML text to nodes with positions, and explanations of YAML errors."""
