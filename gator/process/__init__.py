"""Processes of jobs: start, output, samples and end.

Invariant: this package knows no network, no events and no store. Each module is used alone, so this file
exports none of them; `ownership` decides which process belongs to which job.
"""
