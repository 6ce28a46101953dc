"""The command line: the only place that reads argv and the environment, sets signals and exit codes."""
