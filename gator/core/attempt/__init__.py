"""One attempt at a job: its state machine, its output as messages, its environment and its verdict."""
