"""Turns the command line of `gator run` into a run, and carries it out.

Options are structs, which `cli.options.fields` fills: `PlanOptions` for `run`, `plan` and `check`, and
`LaunchOptions` for `run`. `spec` and `request` make a plan request of them, `execute` runs it.

Invariant: a spec or option that is wrong leaves nothing behind.
"""
