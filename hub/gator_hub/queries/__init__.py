"""Answers queries about the runs of the hub."""
