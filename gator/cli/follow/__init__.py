"""Prints and follows the output of jobs."""
