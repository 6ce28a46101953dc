"""Finds the runs that commands are about: in folders, live, and on hubs."""
