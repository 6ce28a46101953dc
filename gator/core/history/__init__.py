"""Several runs together: series, reruns, comparisons, failures grouped by cause.

Invariant: pure functions over outcomes, used alike for folders and for hubs.
"""
