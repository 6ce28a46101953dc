"""Stores the files and folders that jobs make, and passes them to the jobs that use them.

Contents are in `objects` of the folder of a run, by their SHA-256; `artefacts` has a file for each job that
says what it made. All daemons of a run share both.

Invariant: what has its final name is complete and never changes. Functions here may take long, so they run in
threads, and only for jobs with artefacts.
"""
