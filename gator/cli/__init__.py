"""The command line.

`main` finds the command that argv names in `registry` and imports only that one. A command opens the run that
it is about with `sources`, or starts one with `launch`.

Invariant: only this package reads argv and the environment, and sets signals and exit codes.
"""
