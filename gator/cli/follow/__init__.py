"""Prints the output of jobs, and follows it while they run.

Invariant: output is printed once and in order, and following ends when nothing more can come.
"""
