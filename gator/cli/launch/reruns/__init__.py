"""Turns `--only @failed`, `--skip @passed` and `--repeat RUN` into a selection of jobs.

`requested_selection` is what the options say; `last_run` resolves it against the earlier run and its
reruns, and `inherit` takes over that run's parameters.

Invariant: reads earlier runs and changes none of them.

Modules are imported by name, because most runs repeat no other run.
"""
