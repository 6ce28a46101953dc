"""Finds and loads the spec of a command, and sets its parameters.

`load` finds the spec, gives it a name and loads it with what it includes. `programs` runs the programs
whose output it includes, and `params` applies `--param`.

Invariant: no program runs without a limit on its time and on the size of its output.

Modules are imported by name, because a single command on the command line needs no spec.
"""
