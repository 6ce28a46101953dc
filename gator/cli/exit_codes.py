"""The exit codes of commands; 0 is success."""

from typing import Final

FAILED: Final = 1
"""A job failed, a match was not found, or two runs differ for the worse: the command itself worked."""
USAGE: Final = 2
"""The command line, the spec or a named file is wrong, or the hub of a reading command does not answer.

Only the user can correct it.
"""
FAULT: Final = 3
"""Gator, the host or another process failed, such as the root of a live run that does not answer."""
INTERRUPTED: Final = 130
"""The user stopped the command with Ctrl-C; 128 plus the number of SIGINT."""
