"""Brings a run into a hub, in a process of its own beside the root."""
