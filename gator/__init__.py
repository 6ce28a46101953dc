"""Gator: a task runner and a logging system in one."""

__version__ = "0.1.0"
