"""Receives what roots send, and commits it."""
