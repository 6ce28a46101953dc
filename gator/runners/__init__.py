"""Runners start the commands of jobs in other ways than as a process of this host.

A runner is a function that gets a `RunnerJob` and returns the `RunnerCommand` that Gator starts in place of
the command of the job. `container` is built in; installed packages add others by the entry points
`gator.runners` (docs/runners.md).

Invariant: the process that a runner returns lives as long as the job, and its output is that of the job.
"""

from gator.runners.job import RunnerCommand, RunnerError, RunnerJob

__all__ = ["RunnerCommand", "RunnerError", "RunnerJob"]
