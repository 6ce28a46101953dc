"""One attempt at a job: its state machine, its output, its environment and its verdict.

Invariant: what is counted and concluded depends on what the job wrote and reported, not on how it was read.
`machine.Wrapper` is the entrance; `environment.Launcher` prepares the start; `output.observers` is where
recognition of output is added. Other packages use the names of severities and of metrics.
"""
