"""Determines the argv, environment and working directory of the process of a job.

`environment.Launcher` puts them together on the host of the attempt. `params` gives the variables with
parameters, and `runners` the options of a runner and the command that calls a Python function.

Invariant: pure; the environment of the launch and the folders of the attempt are arguments.

Modules are imported by name.
"""
