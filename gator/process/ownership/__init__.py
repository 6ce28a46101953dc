"""Decides which processes belong to which attempt, daemon or run.

Evidence is the session, marks in the environment, a mark in a resource limit, descent, adoption and, if
available, a control group. docs/processes.md describes each.

Invariant: a process without any evidence is never ended.
"""
