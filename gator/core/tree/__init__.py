"""The tree of a run: which nodes may start, how results are folded upwards, and when a node is closed."""
