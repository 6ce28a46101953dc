"""Runs compared with earlier runs, in folders and on hubs."""
